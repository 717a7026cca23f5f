from __future__ import annotations

import sqlite3

import pytest

from fmaudit.engine.cache import Cache, key_of, prefix
from fmaudit.errors import DiskFull, RunError
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.types import Classify, Failure, Logits, Pair, Tokens


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "deep" / "a.sqlite")


def test_every_kind_of_answer_reads_back_equal(cache):
    answers = {
        b"1": Logits((0.1, 1 / 3, -1e-300), tokens=4, cut=1),
        b"2": Tokens((1, 2, 3)),
        b"3": Failure("no such word", transient=False),
    }
    cache.put(answers.items())
    assert cache.get([b"1", b"2", b"3", b"4"]) == answers


def test_it_lasts(cache):
    cache.put([(b"1", Logits((1.0, 2.0)))])
    cache.remember("k", b"value")
    cache.close()
    again = Cache(cache.path)
    assert again.get([b"1"]) == {b"1": Logits((1.0, 2.0))}
    assert again.memo("k") == b"value"
    assert again.memo("other") is None


def test_a_batch_is_stored_whole_or_not_at_all(cache):
    def answers():
        yield b"1", Logits((1.0, 2.0))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.put(answers())
    assert cache.get([b"1"]) == {}


def test_a_full_disk_is_named_and_what_was_stored_stays(cache):
    cache.put([(b"1", Logits((1.0, 2.0)))])
    pages = cache._db.execute("pragma page_count").fetchone()[0]
    cache._db.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(DiskFull, match="goes on where it stopped"):
        cache.put((f"{k:032}".encode(), Logits((float(k),) * 50)) for k in range(2000))
    assert cache.get([b"1"]) == {b"1": Logits((1.0, 2.0))}


def test_a_file_that_is_no_cache_is_named(tmp_path):
    (tmp_path / "a.sqlite").write_text("not a database " * 100)
    with pytest.raises(RunError, match="Remove that file"):
        Cache(tmp_path / "a.sqlite")


def test_two_readers_and_a_writer(cache):
    other = Cache(cache.path)
    cache.put([(b"1", Logits((1.0, 2.0)))])
    assert other.get([b"1"])
    assert sqlite3.connect(cache.path).execute("pragma journal_mode").fetchone() == ("wal",)


def test_keys_leave_out_the_role_alone():
    p = prefix(FakeClassifier(hashed).facts)
    base = key_of(p, Classify("a"))
    assert key_of(p, Classify("a", on="base")) == base
    others = [
        Classify("b"),
        Classify("a", under="alone"),
        Classify("a", replica=1),
        Classify(Pair("a", "")),
    ]
    assert len({base, *(key_of(p, r) for r in others)}) == 5


def test_keys_hold_all_that_can_move_a_logit():
    import msgspec

    facts = FakeClassifier(hashed).facts
    changes = {
        "digest": "x",
        "dtype": "bfloat16",
        "device": "cuda (A100)",
        "attention": "eager",
        "window": 7,
        "libraries": {"torch": "9"},
        "adapter": "other",
    }
    prefixes = {prefix(msgspec.structs.replace(facts, **{k: v})) for k, v in changes.items()}
    assert len(prefixes | {prefix(facts)}) == len(changes) + 1
    same_kind = msgspec.structs.replace(facts, device="cuda (H100)")
    assert prefix(same_kind) in prefixes
