"""The noise floors of an audit: of each capability that its probes use, on what they will ask.

Class scores and explanations are measured on the audited texts. What language models are asked is
the probes' own, so the sample is drawn from the first questions of each probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fmaudit.engine import floor
from fmaudit.engine.floor import Floor
from fmaudit.engine.sampling import Cases, draw
from fmaudit.engine.scheduler import Engine
from fmaudit.matching import Matched
from fmaudit.registry import Context
from fmaudit.types import (
    Asks,
    FillMask,
    Generate,
    MaskedLogprobs,
    Request,
    Response,
    Row,
    Tokenize,
    TokenLogprobs,
    digest,
)

KINDS: Mapping[str, type[Request]] = {
    "token_logprobs": TokenLogprobs,
    "masked_logprobs": MaskedLogprobs,
    "fill_mask": FillMask,
    "generate": Generate,
}
ITEMS: Mapping[str, int] = {
    "token_logprobs": 60,
    "masked_logprobs": 20,
    "fill_mask": 60,
    "generate": 8,
}
"""Requests a floor is measured on: a prompt is long, a hidden token takes a row of its own, and
a written answer a pass a token."""

COMPARED = 200
"""Likelihoods that are compared with float32, where a model is served in less."""

FEWEST = 200
"""Cases that a probe is handed, so that none has too few of them to ask anything."""

ROUNDS = 3
"""How often a probe may ask something else before it asks what is looked for."""


@dataclass(frozen=True)
class Sampler:
    """Draws what the probes ask first. `sources`: probe → its cases."""

    engine: Engine
    matched: Sequence[Matched]
    sources: Mapping[str, Cases]
    context: Context

    def floor(self, capability: str, dtype: str) -> Floor:
        """The floor of a capability of language models, served in `dtype`."""
        most = ITEMS[capability]
        if dtype in floor.HALF and capability == "token_logprobs":
            most = COMPARED
        return floor.compare(self.engine, self._drawn(capability, most), dtype=dtype)

    def _drawn(self, capability: str, most: int) -> list[Request]:
        """The head of a ranking of all first questions, alike from every probe."""
        seeds = self.context.seeds
        asking = [m for m in self.matched if capability in m.method.needs.get("target", ())]
        each = -(-most // max(1, len(asking)))
        found: dict[Request, None] = {}
        for matched in asking:
            source = self.sources[matched.card.id]
            cases = draw(source, seeds, max(most, FEWEST), self.engine.chunk)
            context = self.context
            asks = matched.method.run(cases, matched.params, context)
            mine = list(dict.fromkeys(_first(self.engine, asks, KINDS[capability])))
            mine.sort(key=lambda request: digest([seeds.audit, request]))
            found.update(dict.fromkeys(mine[:each]))
        return list(found)[:most]


def used(matched: Sequence[Matched]) -> Iterator[str]:
    """The capabilities of language models that the probes ask of the audited model."""
    needed = {kind for m in matched for kind in m.method.needs.get("target", ())}
    return (kind for kind in KINDS if kind in needed)


def _first(engine: Engine, asks: Asks[list[Row]], kind: type[Request]) -> list[Request]:
    """What a probe asks of that kind and of the audited model, the first time that it does."""
    answers: Sequence[Response] | None = None
    try:
        for _ in range(ROUNDS):
            asked = next(asks) if answers is None else asks.send(answers)
            mine = [r for r in asked if isinstance(r, kind) and _plain(r) and r.on == "target"]
            if mine or not all(isinstance(r, Tokenize) for r in asked):
                return mine  # a probe that must be answered at length first is left out
            answers = engine.answer(asked)
    except StopIteration:
        return []
    finally:
        asks.close()
    return []


def _plain(request: Request) -> bool:
    """Whether it is asked under no condition, which the floor sets itself."""
    return (request.under, request.dtype, request.replica) == ("", "", 0)
