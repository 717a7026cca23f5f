"""An engine over a fake model, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fmaudit.engine.asks import ask
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine, Task
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.models.torchmodel import Loaded
from fmaudit.registry import Context, method
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Classify, Logits, Row


@dataclass
class Listed:
    """Cases from a list."""

    cases: list[Case]

    def chunks(self, size: int) -> Iterator[list[Case]]:
        for start in range(0, len(self.cases), size):
            yield self.cases[start : start + size]


def listed(count: int) -> Listed:
    return Listed([Case(f"c{k}", f"text number {k} " + "word " * (k % 9)) for k in range(count)])


@method("plain", needs={"target": {"classify"}}, data={"text"}, columns={"score": float})
def plain(cases, params, context):
    """Ask once for each case."""
    answers = yield from ask([Classify(c.input) for c in cases])
    return [row(c, a) for c, a in zip(cases, answers, strict=True)]


def row(case, answer):
    if isinstance(answer, Logits):
        return Row(case, {"score": answer.values[1]})
    return Row(case, {}, reason=answer.reason, failed=True)


class Bench:
    """An engine over a fake model, and what its tasks found."""

    def __init__(self, folder, rule=hashed, **options):
        self.model = FakeClassifier(rule, key=options.pop("key", "fake"), **options)
        self.costs = Costs()
        self.runner = LocalRunner(
            Loaded(self.model), folder / "answers.sqlite", self.costs, Silent(), tokens=256
        )
        self.engine = Engine({"target": self.runner}, self.costs, Silent(), chunk=50)
        self.rows: dict[str, list[Row]] = {}

    def task(self, name, found=plain):
        self.rows[name] = []
        return Task(f"test.{name}", "test", found, None, Context(Seeds(0)), self.rows[name].extend)

    def calls(self) -> int:
        """How many texts the model was shown."""
        return sum(answered for answered, _, _ in self.model.shapes)
