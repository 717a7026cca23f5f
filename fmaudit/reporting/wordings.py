"""What a noise floor is said of, a capability at a time, in words that need no logit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fmaudit.reporting.language import noted


@dataclass(frozen=True)
class Wording:
    """The sentences of one capability.

    `name`: what was asked for. `moves`: what the table's figures are of. `unit`: of the change.
    The others are templates: `how` is the condition, `share` that of the answers that were
    decided otherwise, `most` the largest change.

    `same`: nothing moved. `moved`: the decisions stood, what they rest on moved. `alone`: there
    was nothing to decide. `flipped`: some were decided otherwise. `unsteady`: so many that no
    rule decides; "" where no rule hangs on it. `leaks`: padding moves it. `rounded`: beside
    float32, with `dtype` and `n`; `rounded_alone`: the same where there was nothing to decide.
    `first`: what float32 moves the share of first continuations by, in `points`.
    """

    name: str
    moves: str
    unit: str = ""
    same: str = ""
    moved: str = ""
    alone: str = ""
    flipped: str = ""
    unsteady: str = ""
    leaks: str = ""
    rounded: str = ""
    rounded_alone: str = ""
    first: str = ""


CLASSES = Wording(
    name=noted("class scores"),
    moves=noted(
        "The change is that of a class score before it becomes a probability (a logit); decided "
        "otherwise is an input that got another class."
    ),
    same=noted("The same input was answered alike every time: no class changed."),
    moved=noted(
        "The same input always got the same class, but its scores moved by up to %(most)s."
    ),
    alone=noted("The scores of the same input moved by at most %(most)s."),
    flipped=noted(
        "The same input is not always answered alike: %(how)s, %(share)s of the inputs got "
        "another class, and scores moved by up to %(most)s."
    ),
    unsteady=noted(
        "The model is not steady: %(how)s, %(share)s of the inputs got another class. "
        "No rule passes or fails in this audit, for it would do so by chance."
    ),
    leaks=noted(
        "Filling up an input with padding moves its scores by up to %(most)s. "
        "A model that heeds its attention mask does not do that: have its owner look at "
        "it. What such a model answers depends on which inputs are read together."
    ),
    rounded=noted(
        "Number format: the model is served in %(dtype)s, which rounds. In float32, %(share)s "
        "of %(n)s inputs get another class, and scores move by up to %(most)s. Each verdict "
        "was checked against that: one that float32 would change is inconclusive."
    ),
    rounded_alone=noted(
        "Number format: the model is served in %(dtype)s, which rounds. In float32, the scores of "
        "%(n)s inputs move by up to %(most)s. Each verdict was checked against that: one that "
        "float32 would change is inconclusive."
    ),
)

LIKELIHOODS = Wording(
    name=noted("likelihoods of texts"),
    moves=noted(
        "The change is that of a text's log-likelihood, in nats; decided otherwise is a prompt of "
        "several continuations of which another one became the likeliest."
    ),
    unit=noted("%(n)s nats"),
    same=noted(
        "The same prompt always had the same likeliest continuation, and the log-likelihood of "
        "a text moved by at most %(most)s nats."
    ),
    moved=noted(
        "The same prompt always had the same likeliest continuation, but the log-likelihood of "
        "a text moved by up to %(most)s nats."
    ),
    alone=noted("The log-likelihood of the same text moved by at most %(most)s nats."),
    flipped=noted(
        "The same prompt is not always answered alike: %(how)s, in %(share)s of the prompts with "
        "several continuations another one became the likeliest, and the log-likelihood of a text "
        "moved by up to %(most)s nats."
    ),
    unsteady=noted(
        "The model is not steady: %(how)s, in %(share)s of the prompts with several continuations "
        "another one became the likeliest. No rule passes or fails in this audit, for it would do "
        "so by chance."
    ),
    leaks=noted(
        "Filling up a prompt with padding moves the log-likelihood of a text by up to %(most)s "
        "nats. A model that heeds its attention mask does not do that: have its owner look at "
        "it. What such a model answers depends on which inputs are read together."
    ),
    rounded=noted(
        "Number format: the model is served in %(dtype)s, which rounds. In float32, on %(n)s "
        "prompts, the log-likelihood of a text moves by up to %(most)s nats, and in %(share)s of "
        "those with several continuations another one is the likeliest. Each verdict was checked "
        "against that: one that float32 would change is inconclusive."
    ),
    rounded_alone=noted(
        "Number format: the model is served in %(dtype)s, which rounds. In float32, on %(n)s "
        "prompts, the log-likelihood of a text moves by up to %(most)s nats. Each verdict was "
        "checked against that: one that float32 would change is inconclusive."
    ),
    first=noted(
        "The share of prompts whose first continuation is the likeliest moves by %(points)s "
        "percentage points: so far a preference share of this model hangs on its number format."
    ),
)

MASKED = Wording(
    name=noted("likelihoods of masked words"),
    moves=noted("The change is that of the log-likelihood of a text's masked words, in nats."),
    unit=noted("%(n)s nats"),
    alone=noted(
        "The log-likelihood of the same text's masked words moved by at most %(most)s nats."
    ),
    leaks=noted(
        "Filling up a text with padding moves the log-likelihood of its masked words by up to "
        "%(most)s nats. A model that heeds its attention mask does not do that: have its owner "
        "look at it. What such a model answers depends on which inputs are read together."
    ),
    rounded_alone=noted(
        "Number format: the model is served in %(dtype)s, which rounds. In float32, on %(n)s "
        "texts, the log-likelihood of a text's masked words moves by up to %(most)s nats. Each "
        "verdict was checked against that: one that float32 would change is inconclusive."
    ),
)

FILLED = Wording(
    name=noted("likeliest words of a place"),
    moves=noted("The change is that of the log-probability of a word in its place, in nats."),
    unit=noted("%(n)s nats"),
    alone=noted(
        "The log-probability of the same word in the same place moved by at most %(most)s nats."
    ),
    leaks=noted(
        "Filling up a text with padding moves the log-probability of a word in its place by up to "
        "%(most)s nats. A model that heeds its attention mask does not do that: have its owner "
        "look at it. What such a model answers depends on which inputs are read together."
    ),
    rounded_alone=noted(
        "Number format: the model is served in %(dtype)s, which rounds. In float32, on %(n)s "
        "texts, the log-probability of a word in its place moves by up to %(most)s nats. Each "
        "verdict was checked against that: one that float32 would change is inconclusive."
    ),
)

WRITTEN = Wording(
    name=noted("written answers"),
    moves=noted("Decided otherwise is a prompt that was answered by another text."),
    same=noted("The same prompt was answered by the same text every time."),
    flipped=noted(
        "The same prompt is not always answered alike: %(how)s, %(share)s of the prompts were "
        "answered by another text."
    ),
    rounded=noted(
        "Number format: the model is served in %(dtype)s, which rounds. In float32, %(share)s of "
        "%(n)s prompts are answered by another text. Each verdict was checked against that: one "
        "that float32 would change is inconclusive."
    ),
)

EXPLANATIONS = Wording(
    name=noted("explanations"),
    moves=noted(
        "The change is that of an explanation, as a share of it; decided otherwise is an input "
        "whose explained class changed."
    ),
)

WORDINGS: Mapping[str, Wording] = {
    "classify": CLASSES,
    "token_logprobs": LIKELIHOODS,
    "masked_logprobs": MASKED,
    "fill_mask": FILLED,
    "generate": WRITTEN,
    "attribute": EXPLANATIONS,
}
"""Capability → how its noise is said."""
