"""The scorers of an audit: what the texts that a language model writes are scored by.

A card names what it scores ("toxicity"); a spec says by which model, or which list of words. Where
it does not, the list of that name that ships does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmaudit import catalog, registry, subjects
from fmaudit.data import labels
from fmaudit.engine.runner import LocalRunner
from fmaudit.errors import ModelError, UnknownName
from fmaudit.models import open_handle
from fmaudit.models.base import Facts, Handle
from fmaudit.models.wordlist import WordListHandle, read_list
from fmaudit.registry import Scorer
from fmaudit.spec import ScorerSpec
from fmaudit.types import digest

SHIPPED = "scorer_words"
"""The data set whose lists are scorers."""

MOST_ROWS = 256


@dataclass(frozen=True)
class Opened:
    """A scorer before anything is asked of it. `where`: the key of the spec that names it."""

    handle: Handle
    spec: ScorerSpec
    where: str


def open_scorers(
    cards: Sequence[catalog.ProbeCard],
    chosen: Mapping[str, ScorerSpec],
    extra: Sequence[Path] = (),
    cache: Path | None = None,
    where: str = "",
) -> dict[str, Opened]:
    """Name → scorer, of every name that a card scores by.

    Raises:
        UnknownName: a name that no list has and no spec; or one of the spec's that no card scores
            by, with the nearest that one does.
        UserError: a model or a list that cannot be used.
    """
    wanted = {name: card for card in reversed(cards) for name in card.scorers}
    asked = {name for card in catalog.probes(extra).values() for name in card.scorers}
    asked |= wanted.keys()  # a spec may name others among a probe's parameters
    for name in chosen:
        if name not in asked:
            raise UnknownName("scorer", name, asked, where)
    return {name: _opened(name, wanted[name], chosen, extra, cache, where) for name in wanted}


def _opened(
    name: str,
    card: catalog.ProbeCard,
    chosen: Mapping[str, ScorerSpec],
    extra: Sequence[Path],
    cache: Path | None,
    where: str,
) -> Opened:
    place = f"{where}.{name}"
    spec = chosen.get(name)
    if spec is None:
        shipped = {path.rpartition("/")[2] for path in catalog.lists(extra) if SHIPPED in path}
        if name not in shipped:
            raise UnknownName("scorer", name, {*shipped, *chosen}, f"{card.file}: scorers")
        spec = ScorerSpec(words=f"list:{SHIPPED}/{name}")
    if spec.model is not None:
        return Opened(open_handle(spec.model, cache), spec, place)
    assert spec.words is not None
    content = read_list(catalog.word_list(spec.words, extra, place), spec.words)
    return Opened(WordListHandle(content, spec.words), spec, place)


@dataclass(frozen=True)
class Scoring:
    """A scorer that answers."""

    runner: LocalRunner
    facts: Facts
    scorer: Scorer

    @property
    def key(self) -> list[Any]:
        """Everything of it that can move a score."""
        return [self.facts.key_parts(), self.scorer]

    @property
    def described(self) -> dict[str, Any]:
        """What a record says of it."""
        facts, scorer = self.facts, self.scorer
        return {
            "name": facts.name,
            "adapter": facts.adapter,
            "digest": facts.digest,
            "classes": list(facts.classes),
            "positive": facts.classes[scorer.positive],
            "at": scorer.at,
            "parameters": facts.parameters,
            "notes": list(facts.notes),
        }


def scoring_of(
    cards: Sequence[catalog.ProbeCard],
    capabilities: frozenset[str],
    opened: Mapping[str, Opened],
    runner: Callable[[Handle, str, int], LocalRunner],
) -> dict[str, Scoring]:
    """Name → scorer, of those that a probe asks which the audited model can answer.

    No other is loaded. `runner`: makes what answers for a handle, from the name of its store and
    the most rows of a batch.
    """
    names = {
        name
        for card in cards
        if registry.load_method(card.method).needs.get("target", frozenset()) <= capabilities
        for name in card.scorers
    }
    found = {}
    for name in sorted(names):
        model = opened[name].spec.model
        rows = model.batch if model is not None and model.callable is not None else MOST_ROWS
        store = f"-scorer-{digest(name)[:12]}"
        found[name] = _known(runner(opened[name].handle, store, rows), opened[name])
    return found


def _known(runner: LocalRunner, opened: Opened) -> Scoring:
    """The scorer behind a runner.

    Raises:
        ModelError: a model that gives no class scores.
        DataError: no class of the name that is to be the score.
    """
    facts, capabilities = subjects.known(runner)
    if "classify" not in capabilities:
        raise ModelError(
            f"{opened.where}: {facts.name} is a {facts.kind} model and gives no class scores. "
            "Name a classifier, a callable with `labels`, or `words`."
        )
    positive = labels.positive(opened.spec.positive, facts.classes, f"{opened.where}.positive")
    if positive is None:
        raise ModelError(
            f"{opened.where}: {facts.name} has {len(facts.classes)} classes; say which one's "
            f"probability is the score: `positive: {facts.classes[-1]}`, or another of "
            f"{', '.join(facts.classes)}."
        )
    runner.check_unchanged()
    return Scoring(runner, facts, Scorer(facts.classes, positive, opened.spec.at))
