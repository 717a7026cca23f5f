from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.models.classifier import ClassifierHandle
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.models.torchmodel import Loaded
from fmaudit.types import Classify, Failure, Logits


def runner(folder, model, **options):
    return LocalRunner(
        Loaded(model), folder / "answers.sqlite", Costs(), Silent(), **{"tokens": 256, **options}
    )


def requests(count):
    return [Classify(f"text {k} " + "word " * (k % 11)) for k in range(count)]


def test_answers_are_kept_and_not_computed_again(tmp_path):
    first, second = FakeClassifier(hashed), FakeClassifier(hashed)
    found = runner(tmp_path, first).answer(requests(50))
    again = runner(tmp_path, second)
    assert again.answer(requests(50)) == found
    assert second.shapes == []
    assert (again.costs.cached, again.costs.run) == (50, 0)


def test_only_what_is_missing_is_computed(tmp_path):
    model = FakeClassifier(hashed)
    one = runner(tmp_path, model)
    one.answer(requests(20))
    one.answer(requests(50))
    assert sum(n for n, _, _ in model.shapes) == 50


def test_another_model_shares_nothing(tmp_path):
    runner(tmp_path, FakeClassifier(hashed, key="a")).answer(requests(10))
    other = FakeClassifier(lambda t: (0.0, 1.0), key="b")
    found = runner(tmp_path, other).answer(requests(10))
    assert all(a.values == (0.0, 1.0) for a in found)


def test_conditions_and_replicas_are_keys_of_their_own(tmp_path):
    model = FakeClassifier(hashed)
    one = runner(tmp_path, model)
    asked = [
        Classify("a b"),
        Classify("a b", under="alone"),
        Classify("a b", under="padded"),
        Classify("a b", replica=1),
    ]
    one.answer(asked)
    assert sum(n for n, _, _ in model.shapes) == 4
    assert sorted(length for _, _, length in model.shapes) == [2, 4, 4, 8]


def test_batches_have_few_shapes(tmp_path):
    model = FakeClassifier(hashed)
    runner(tmp_path, model).answer(requests(400))
    assert all(answered <= rows for answered, rows, _ in model.shapes)
    assert len({(rows, length) for _, rows, length in model.shapes}) <= 2 * 11


def test_memory_that_runs_out_halves_the_batch_and_goes_on(tmp_path):
    model = FakeClassifier(hashed, capacity=5)
    one = runner(tmp_path, model)
    found = one.answer(requests(60))
    assert [a.values for a in found] == [hashed(r.input) for r in requests(60)]
    assert one.costs.halvings > 0
    assert max(rows for _, rows, _ in model.shapes) <= 5
    before = one.costs.halvings
    one.answer([Classify(f"other {k}") for k in range(60)])
    assert one.costs.halvings == before  # it has learnt


def test_a_text_that_does_not_fit_alone_is_a_failure(tmp_path):
    one = runner(tmp_path, FakeClassifier(hashed, capacity=0))
    (answer,) = one.answer([Classify("x")])
    assert isinstance(answer, Failure)
    assert "out of memory on a single text" in answer.reason
    assert runner(tmp_path, FakeClassifier(hashed)).answer([Classify("x")])[0] != answer


def test_deterministic_failures_are_kept(tmp_path):
    broken = FakeClassifier(lambda t: (float("inf"), 0.0))
    first = runner(tmp_path, broken).answer([Classify("x")])
    again = FakeClassifier(lambda t: (float("inf"), 0.0))
    assert runner(tmp_path, again).answer([Classify("x")]) == first
    assert again.shapes == []


class Interrupted(FakeClassifier):
    """Dies at a given batch."""

    dies_at = 3

    def run(self, batch, *, length, rows):
        if len(self.shapes) == self.dies_at:
            raise KeyboardInterrupt
        return super().run(batch, length=length, rows=rows)


def test_a_broken_round_packs_the_same_batches_again(tmp_path):
    undisturbed = FakeClassifier(hashed)
    expected = runner(tmp_path / "a", undisturbed).answer(requests(200))
    dying = Interrupted(hashed)
    with pytest.raises(KeyboardInterrupt):
        runner(tmp_path / "b", dying).answer(requests(200))
    after = FakeClassifier(hashed)
    assert runner(tmp_path / "b", after).answer(requests(200)) == expected
    assert [*dying.shapes, *after.shapes] == undisturbed.shapes


def test_a_real_model_resumes_to_the_last_bit(tiny, tmp_path):
    asked = [Classify("the film was good " * (1 + k % 5) + f"{k}") for k in range(150)]

    def real(folder):
        return LocalRunner(
            ClassifierHandle(tiny, "m"),
            tmp_path / folder / "a.sqlite",
            Costs(),
            Silent(),
            tokens=256,
        )

    expected = real("whole").answer(asked)
    broken = real("broken")
    run, calls = broken.model.run, []

    def dying(*args, **options):
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return run(*args, **options)

    broken.model.run = dying
    with pytest.raises(KeyboardInterrupt):
        broken.answer(asked)
    resumed = real("broken")
    assert resumed.answer(asked) == expected
    assert resumed.costs.cached > 0


KILLED = """
    import sys, time
    from pathlib import Path
    from fmaudit.engine.costs import Costs
    from fmaudit.engine.progress import Silent
    from fmaudit.engine.runner import LocalRunner
    from fmaudit.models.fakes import FakeClassifier, hashed
    from fmaudit.models.torchmodel import Loaded
    from fmaudit.types import Classify

    folder = Path(sys.argv[1])

    class Slow(FakeClassifier):
        def run(self, batch, *, length, rows):
            with (folder / "calls").open("a") as calls:
                for p in batch:
                    calls.write(p.request.input + "\\n")
            time.sleep(0.01)
            return super().run(batch, length=length, rows=rows)

    runner = LocalRunner(Loaded(Slow(hashed)), folder / "a.sqlite", Costs(), Silent(), tokens=64)
    answers = runner.answer([Classify(f"text {k} " + "word " * (k % 7)) for k in range(400)])
    (folder / "done").write_text(str([a.values for a in answers]))
"""


def test_kill_9_repeats_at_most_one_batch_a_kill(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)]
    kills = 0
    for wait in (0.9, 1.3, 1.0, 1.2):
        process = subprocess.Popen(command)
        calls = tmp_path / "calls"
        before = calls.stat().st_size if calls.exists() else 0
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (
            not calls.exists() or calls.stat().st_size == before
        ):
            time.sleep(0.01)
        time.sleep(wait - 0.8)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    subprocess.run(command, check=True, timeout=120)
    shown = (tmp_path / "calls").read_text().splitlines()
    repeated = len(shown) - len(set(shown))
    assert len(set(shown)) == 400
    assert kills >= 1
    largest_batch = 64 // 4
    assert repeated <= kills * largest_batch
    values = [hashed(f"text {k} " + "word " * (k % 7)) for k in range(400)]
    assert (tmp_path / "done").read_text() == str(values)


def test_answers_of_both_kinds_come_in_order(tmp_path):
    from fmaudit.types import Tokenize, Tokens

    one = runner(tmp_path, FakeClassifier(hashed))
    mixed = [Classify("a"), Tokenize("a b"), Classify("b"), Tokenize("c")]
    kinds = [type(a) for a in one.answer(mixed)]
    assert kinds == [Logits, Tokens, Logits, Tokens]
