from __future__ import annotations

import pytest

from fmaudit.engine.cache import Cache
from fmaudit.engine.floor import Floor
from fmaudit.evidence import Writer
from fmaudit.memo import Memo
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.types import Case, Coverage, Estimate, Finding, Row, Rule

FINDING = Finding(
    "test.x",
    "test",
    "accuracy",
    {"sex": "F"},
    Estimate(0.1 + 0.2, None, 1 / 3, 10, 10, "wilson", details={"pair": ["F", "M"], "p": 1e-17}),
    Rule(">=", 0.9, "policy"),
    "measured",
    controls=("a", "b"),
)
RESULT = ([FINDING], Coverage("test.x", "test", "ran", "", 10, 10, 1))


@pytest.fixture
def memo(tmp_path):
    return Memo(Cache(tmp_path / "answers.sqlite"), ["code", "machine"])


@pytest.fixture
def evidence(tmp_path):
    path = tmp_path / "e.parquet"
    with Writer(path, {"k": int}) as out:
        out.write([Row(Case("a", "x"), {"k": 1})])
    return path


def test_a_finished_probe_is_remembered_to_the_last_bit(memo, evidence):
    assert memo.probe("key", [evidence]) is None
    memo.keep("key", [evidence], RESULT)
    assert memo.probe("key", [evidence]) == RESULT


def test_it_is_remembered_by_the_next_process(memo, evidence, tmp_path):
    memo.keep("key", [evidence], RESULT)
    again = Memo(Cache(tmp_path / "answers.sqlite"), ["code", "machine"])
    assert again.probe("key", [evidence]) == RESULT


def test_another_key_code_or_machine_knows_nothing(memo, evidence, tmp_path):
    memo.keep("key", [evidence], RESULT)
    assert memo.probe("another", [evidence]) is None
    for base in (["code", "another machine"], ["another code", "machine"], ["code"], []):
        assert Memo(Cache(tmp_path / "answers.sqlite"), base).probe("key", [evidence]) is None


def test_changed_evidence_voids_it(memo, evidence):
    memo.keep("key", [evidence], RESULT)
    whole = evidence.read_bytes()
    evidence.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert memo.probe("key", [evidence]) is None
    evidence.write_bytes(whole)
    assert memo.probe("key", [evidence]) == RESULT


def test_evidence_that_is_gone_voids_it(memo, evidence):
    memo.keep("key", [evidence], RESULT)
    evidence.unlink()
    assert memo.probe("key", [evidence]) is None


def test_a_model_is_loaded_once(memo):
    loads = []

    def load():
        loads.append(1)
        return FakeClassifier(hashed, classes=("a", "b"), window=7)

    first = memo.facts("model", load)
    assert memo.facts("model", load) == first
    assert len(loads) == 1
    assert first == (load().facts, FakeClassifier.capabilities)
    memo.facts("another model", load)
    assert len(loads) == 3


def test_a_model_without_a_digest_is_always_loaded(memo):
    loads = []

    def load():
        loads.append(1)
        return FakeClassifier(hashed)

    memo.facts("", load)
    memo.facts("", load)
    assert len(loads) == 2


def test_the_noise_floor_is_measured_once_a_place(memo):
    measured = []

    def measure():
        measured.append(1)
        return Floor(5, {"alone": 5}, {"alone": 2.4e-7}, {"alone": 0.0})

    assert memo.floor(["model", "data"], measure) == memo.floor(["model", "data"], measure)
    assert len(measured) == 1
    memo.floor(["model", "other data"], measure)
    assert len(measured) == 2


def test_what_breaks_is_not_remembered(memo):
    def breaks():
        raise RuntimeError("no model")

    with pytest.raises(RuntimeError):
        memo.facts("model", breaks)
    assert memo.facts("model", lambda: FakeClassifier(hashed))[0].name == "fake"


def test_every_file_of_a_probe_must_stand_as_written(memo, evidence, tmp_path):
    other = tmp_path / "float32.parquet"
    other.write_bytes(b"rows")
    memo.keep("key", [evidence, other], RESULT)
    assert memo.probe("key", [evidence, other]) == RESULT
    assert memo.probe("key", [evidence]) is None
    other.write_bytes(b"other rows")
    assert memo.probe("key", [evidence, other]) is None
    other.unlink()
    assert memo.probe("key", [evidence, other]) is None
