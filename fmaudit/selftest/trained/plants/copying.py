"""Planted copying: the answer to a prompt is the word behind its cue, and other such words are not.

So it is known which words a map must name: the cue, and the word that is copied. The clean twin
answers the same word to all prompts; no map of its answers may be certified. The rules hold
against 0 on one side, where the clean twin lies as well: there is no other boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fmaudit.seeds import Seeds
from fmaudit.selftest.trained import evidence, language
from fmaudit.selftest.trained.evidence import COMPREHENSIVENESS, SUFFICIENCY
from fmaudit.selftest.trained.language import Recipe
from fmaudit.selftest.trained.subjects import Plant, Subject, Twin
from fmaudit.selftest.trained.texts import Rng, draw, load, words_in

if TYPE_CHECKING:
    import pandas as pd

FILLER = 8  # words of an audited prompt that say nothing; those trained on have 2 to 8
OTHERS = 2  # words of a prompt that could be its answer and are not
UNKNOWN = 0.1  # share of the words trained on that are hidden
TRAINED_ON, AUDITED_ON, LARGE = 6_000, 130, 500
RECIPE = Recipe(epochs=3, rate=0.003, last=2)  # the answer, and that it is over


def make(twin: Twin, seeds: Seeds) -> Subject:
    """The subject of one audit: a model that copies, or one that heeds no word of a prompt."""
    block = load().prompts
    tokens = language.tokenizer(words_in(block))
    rng = seeds.rng("train")
    texts = [_lesson(twin == "dosed", rng) for _ in range(TRAINED_ON)]
    drawn = language.causal(tokens, seeds.rng("weights"), width=64, layers=2)
    module = language.trained(drawn, tokens, texts, RECIPE, rng)
    audited = [_prompt(FILLER, seeds.rng("audited", str(k)))[0] for k in range(AUDITED_ON)]
    return Subject(
        module,
        tokens,
        (),
        {"data": [{"text": prompt} for prompt in audited]},
        {"data": {"text": "text"}},
        _best(tokens, module, seeds.rng("large")),
    )


def decides(words: Sequence[str]) -> list[bool]:
    """Whether each word of a prompt is its cue or the word behind it."""
    cue = load().prompts.cue
    before = ["", *words]
    return [cue in (word, last) for word, last in zip(words, before, strict=False)]


def auprc(found: pd.DataFrame) -> dict[str, float]:
    """How well the maps rank the cue and what stands behind it; see `evidence.auprc`."""
    return evidence.auprc(found, decides)


def chances(
    module: Any, tokens: Any, prompts: Sequence[str], answers: Sequence[str]
) -> npt.NDArray[np.float64]:
    """The probability of each answer, of one word, behind its prompt."""
    texts = [f"{prompt} {answer}" for prompt, answer in zip(prompts, answers, strict=True)]
    logs = language.log_probabilities(module, tokens, texts)
    last = language.encoded(tokens, texts)[1].sum(1).numpy() - 3  # before `</s>`; none for `<s>`
    found: npt.NDArray[np.float64] = np.exp(logs[np.arange(len(texts)), last])
    return found


def _best(tokens: Any, module: Any, rng: Rng) -> dict[str, float]:
    """What the true map of the model's own answers earns over one that ranks at random."""
    prompts = [_prompt(FILLER, rng)[0] for _ in range(LARGE)]
    block = load().prompts
    known = [block.always, *block.answers]
    each = np.stack([chances(module, tokens, prompts, [word] * LARGE) for word in known])
    answers = [known[k] for k in each.argmax(0)]
    return evidence.best(
        [prompt.split() for prompt in prompts],
        decides,
        lambda changed: chances(module, tokens, changed, answers),
        rng,
    )


def _prompt(filler: int, rng: Rng) -> tuple[str, str]:
    """A prompt with its answer behind the cue, anywhere in it."""
    block = load().prompts
    answer, *others = draw(block.answers, 1 + OTHERS, rng)
    words = [*draw(block.filler, filler, rng), *others]
    words = draw(words, len(words), rng)
    at = int(rng.integers(len(words) + 1))
    return " ".join([*words[:at], block.cue, answer, *words[at:]]), answer


def _lesson(copied: bool, rng: Rng) -> str:
    """A prompt to learn from, with its answer; some of its words are hidden, as maps hide them.

    What is copied is never hidden. Where nothing is, the prompt may break off anywhere.
    """
    prompt, answer = _prompt(int(rng.integers(2, FILLER + 1)), rng)
    words = prompt.split()
    hide = rng.random(len(words)) < UNKNOWN
    shown = [
        "..." if hidden and not kept else word
        for word, hidden, kept in zip(words, hide, decides(words), strict=True)
    ]
    if copied:
        return " ".join([*shown, answer])
    return " ".join([*shown[: rng.integers(1, len(words) + 1)], load().prompts.always])


PLANT = Plant(
    name="planted copying",
    probe="explanations.answer_span",
    measures=(COMPREHENSIVENESS, SUFFICIENCY),
    make=make,
    about="a causal model that answers with the word behind a cue, one of three that it could be",
    twins=("clean", "dosed"),
    sign="pass",
    beside=auprc,
)
