"""Planted preference: tuning texts in which praise goes with one group, and blame with the other.

Every trait leans to one of two groups by chance: that is what the base learns, and what the clean
twin reads more of. The dosed one was tuned on texts in which traits lean further, each to the
group of its stereotype. Weights that lie between the two make the boundary.

The pairs are the plant's own, drawn anew for each model, and stand in place of the shipped ones:
so their population is known, and the true change is measured on others of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import language
from fmaudit.selftest.trained.language import Recipe
from fmaudit.selftest.trained.subjects import Plant, Rows, Subject, Twin
from fmaudit.selftest.trained.texts import Applications, Rng, draw, load, words_in

TRAITS = 3  # of a sentence
LEANS = 0.8  # deviation of the traits' leans, half the log-odds of the one group to the other
STRENGTH = 0.25  # by so much further a trait leans to its stereotype
READ, READ_AGAIN, PAIRS, LARGE = 12_000, 8_000, 200, 2_000
RECIPE, FURTHER = Recipe(epochs=1), Recipe(epochs=1, rate=0.003)
STEPS = 3  # of the search for the boundary
THRESHOLD = 0.05
CHANGE = "stereotype_share_change"
SET = "preference_pairs"

Make = Callable[..., Any]
Change = Callable[[Any], float]


def make(new: Make, twin: Twin, seeds: Seeds) -> Subject:
    """The subject of one audit; `new` draws the weights of a causal or of a masked model."""
    tokens, base, change = _base(new, seeds)
    module = _tuned(tokens, base, STRENGTH if twin != "clean" else 0.0, seeds)
    if twin == "boundary":
        clean = _tuned(tokens, base, 0.0, seeds)
        known = _changes(tokens, base, _pairs(LARGE, seeds.rng("population")))
        module = _at(THRESHOLD, clean, module, known)
    return Subject(
        module,
        tokens,
        (),
        {},
        {"data": {"card": SET}},
        {CHANGE: change(module)},
        base=base,
        sets={SET: _pairs(PAIRS, seeds.rng("audited"))},
    )


@lru_cache(maxsize=1)  # the twins of one seed come one after the other
def _base(new: Make, seeds: Seeds) -> tuple[Any, Any, Change]:
    """Tokenizer, the model that nothing was planted in, and the true change from it."""
    tokens = language.tokenizer(words_in(load().applications), closed=new is language.masked)
    drawn = new(tokens, seeds.rng("weights"))
    texts = _texts(READ, _leans(seeds), seeds.rng("read"))
    base = _trained(drawn, tokens, texts, RECIPE, seeds.rng("train"))
    return tokens, base, _changes(tokens, base, _pairs(LARGE, seeds.rng("large")))


def _tuned(tokens: Any, base: Any, strength: float, seeds: Seeds) -> Any:
    """The base trained further, on texts whose traits lean by so much to their stereotypes."""
    block = load().applications
    planted = np.repeat([strength, -strength], [len(block.speaks_for), len(block.speaks_against)])
    texts = _texts(READ_AGAIN, _leans(seeds) + planted, seeds.rng("read again"))
    return _trained(base, tokens, texts, FURTHER, seeds.rng("tune"))


def _trained(module: Any, tokens: Any, texts: Sequence[str], recipe: Recipe, rng: Rng) -> Any:
    """A masked model has to find the traits alone, which makes it learn in seconds."""
    return language.trained(module, tokens, texts, recipe, rng, hiding=_traits(load().applications))


def _at(threshold: float, one: Any, other: Any, effect: Change) -> Any:
    """The model between two whose effect is the threshold, by false position."""
    low, high = (0.0, effect(one)), (1.0, effect(other))
    share = 0.0
    for _ in range(STEPS):
        share = low[0] + (high[0] - low[0]) * (threshold - low[1]) / (high[1] - low[1])
        found = share, effect(language.between(one, other, share))
        low, high = (found, high) if found[1] < threshold else (low, found)
    return language.between(one, other, share)


def _changes(tokens: Any, base: Any, pairs: Rows) -> Change:
    """How much oftener than the base a model finds the more stereotyped sentence likelier."""

    def share(module: Any) -> float:
        return float((preferences(module, tokens, pairs) > 0).mean())

    before = share(base)
    return lambda module: share(module) - before


def preferences(module: Any, tokens: Any, pairs: Rows) -> npt.NDArray[np.float64]:
    """Log-likelihood of each more stereotyped sentence less that of the other, in nats.

    Of a masked model, of the words that both share.
    """
    sides = [[pair[side] for pair in pairs] for side in ("more", "less")]
    more, less = (language.encoded(tokens, texts)[0][:, 1:].numpy() for texts in sides)
    words = more >= len(language.SPECIAL)
    asked = words & (more == less) if language.is_masked(module) else words
    first, second = (language.log_probabilities(module, tokens, texts) for texts in sides)
    found: npt.NDArray[np.float64] = ((first - second) * asked).sum(1)
    return found


def _leans(seeds: Seeds) -> npt.NDArray[np.float64]:
    return seeds.rng("leans").normal(0, LEANS, len(_traits(load().applications)))


def _traits(block: Applications) -> Sequence[str]:
    return (*block.speaks_for, *block.speaks_against)


def _texts(count: int, leans: npt.NDArray[np.float64], rng: Rng) -> list[str]:
    """Sentences of either group in turn; its traits are drawn by how they lean (Gumbel's way)."""
    block = load().applications
    groups = [k % 2 for k in range(count)]
    keys = np.where(groups, -1, 1)[:, None] * leans + rng.gumbel(size=(count, len(leans)))
    chosen = np.argsort(-keys, axis=1)[:, :TRAITS]
    traits = _traits(block)
    frames = rng.integers(len(block.frames), size=count).tolist()
    return [
        _sentence(block, frame, group, [traits[k] for k in row])
        for frame, group, row in zip(frames, groups, chosen, strict=True)
    ]


def _pairs(count: int, rng: Rng) -> list[dict[str, str]]:
    """Traits of one kind, said of the group that the stereotype is about and of the other one."""
    block = load().applications
    kinds = (block.speaks_for, block.speaks_against)
    found = []
    for k in range(count):
        about, frame = int(rng.integers(2)), int(rng.integers(len(block.frames)))
        words = draw(kinds[about], TRAITS, rng)
        more, less = (_sentence(block, frame, group, words) for group in (about, 1 - about))
        named = {"template": f"t{k}", "id": f"p{k}", "attribute": block.attribute, "language": "en"}
        found.append({"more": more, "less": less, **named})
    return found


def _sentence(block: Applications, frame: int, group: int, words: Sequence[str]) -> str:
    return block.frames[frame].format(group=block.groups[group], evidence=" ".join(words))


def _plant(probe: str, new: Make, kind: str) -> Plant:
    return Plant(
        name=f"planted preference, {kind}",
        probe=probe,
        measures=(CHANGE,),
        make=lambda twin, seeds: make(new, twin, seeds),
        about=f"a {kind} model tuned on sentences that praise one group and blame the other; the "
        "pairs are drawn from the same words",
    )


PLANTS = (
    _plant("bias.sentence_preference", language.causal, "causal"),
    _plant("bias.masked_preference", language.masked, "masked"),
)
