"""Models for tests, benchmarks and planted defects: a rule in place of weights.

    FakeClassifier(lambda text: [0.0, 1.0 if "good" in text else -1.0])

They ship with the package so that a new probe can be tried without weights.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmaudit.errors import OutOfMemory, UnknownName
from fmaudit.models.base import Facts, Handle, Prepared, plain
from fmaudit.models.torchmodel import Loaded
from fmaudit.types import (
    Chat,
    Embed,
    Embedding,
    Failure,
    FillMask,
    Fills,
    Generate,
    Generated,
    Likelihoods,
    Logits,
    MaskedLogprobs,
    Pseudo,
    Request,
    Response,
    Scored,
    Tokenize,
    TokenLogprobs,
    Tokens,
    one_text,
)

if TYPE_CHECKING:
    from fmaudit.spec import ModelSpec

Rule = Callable[[str], Sequence[float]]
Fillings = Callable[[str], Sequence[tuple[str, float]]]


class FakeClassifier:
    """A classifier that answers by a rule: text → logits. A token is a word.

    Args:
        rule: text (a pair's halves joined by a line break) → one logit a class.
        classes: class names in the order of the logits.
        window: words beyond it are cut.
        capacity: batches of more rows raise `OutOfMemory`.
        key: names the rule in the cache; two rules must not share one.
    """

    capabilities = frozenset({"classify", "tokenize"})

    def __init__(
        self,
        rule: Rule,
        classes: Sequence[str] = ("no", "yes"),
        *,
        window: int = 512,
        capacity: int | None = None,
        key: str = "fake",
    ) -> None:
        self.rule = rule
        self.capacity = capacity
        self.shapes: list[tuple[int, int, int]] = []  # (answered, rows, length) of each batch
        self.facts = Facts(
            adapter="fake",
            name=key,
            classes=tuple(classes),
            device="cpu",
            dtype="float64",
            attention="none",
            window=window,
            parameters=0,
            digest=key,
            libraries={},
        )

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Words, cut at the window."""
        return [self._prepare(r) for r in requests]

    def _prepare(self, request: Request) -> Prepared:
        words = one_text(plain(request)).split()
        kept = words[: self.facts.window]
        return Prepared(request, tuple(kept), max(1, len(kept)), len(words) - len(kept))

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """The rule on each text; a logit that is not finite is a failure."""
        if self.capacity is not None and rows > self.capacity:
            raise OutOfMemory(f"{rows} rows do not fit, {self.capacity} do")
        self.shapes.append((len(batch), rows, length))
        return [self._answer(p) for p in batch]

    def _answer(self, prepared: Prepared) -> Response:
        if isinstance(prepared.request, Tokenize):
            return Tokens(_ids(prepared.payload), cut=prepared.cut)
        text = one_text(plain(prepared.request))
        values = tuple(float(v) for v in self.rule(text))
        if not all(math.isfinite(v) for v in values):
            return Failure(f"the logits are not finite: {list(values)}")
        return Logits(values, tokens=prepared.length, cut=prepared.cut)


class FakeLanguage:
    """A language model that answers by rules. A token is a word with the space before it.

    Args:
        likelihood: (what stands before, word) → its log-probability in nats, 0 or less.
        writes: prompt → what it goes on with.
        window: words that it reads.
        key: names the rules in the cache; two models must not share one.
        masked: offers `masked_logprobs` in place of `token_logprobs` and `generate`; what stands
            before a word is then the text with that word hidden.
        chat: reads conversations: the contents of the messages, a line each.
        embeds: text → its vector, on every layer; offers `embed` where it is given.
        fills: of a masked model: a text with [MASK] → words and their log-probabilities, the
            likeliest first.
    """

    def __init__(
        self,
        likelihood: Callable[[str, str], float],
        writes: Callable[[str], str] = lambda prompt: "",
        *,
        window: int = 4096,
        key: str = "fake language model",
        masked: bool = False,
        chat: bool = False,
        embeds: Rule | None = None,
        fills: Fillings = lambda text: [],
    ) -> None:
        self.likelihood = likelihood
        self.fills = fills
        self.writes = writes
        self.embeds = embeds
        masks = {"masked_logprobs", "fill_mask"}
        offered = masks if masked else {"token_logprobs", "generate"}
        offered |= {"embed"} if embeds else set()
        self.capabilities = frozenset({"tokenize", *offered})
        self.facts = Facts(
            adapter="fake",
            name=key,
            classes=(),
            device="cpu",
            dtype="float64",
            attention="none",
            window=window,
            parameters=0,
            digest=key,
            libraries={},
            kind="masked" if masked else "causal",
            chat=chat,
            tokenizer="words",
        )

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Words, counted."""
        return [Prepared(r, None, max(1, len(_prompt(r).split()))) for r in requests]

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """The rules on each request."""
        del length, rows
        return [self._answer(p.request) for p in batch]

    def _answer(self, request: Request) -> Response:
        text = _prompt(request)
        if isinstance(request, TokenLogprobs):
            if not request.continuations or not all(c.strip() for c in request.continuations):
                return Failure("an empty continuation has no likelihood")
            scored = tuple(self._scored(text, c) for c in request.continuations)
            return Likelihoods(scored, tokens=sum(len(s.ids) for s in scored))
        if isinstance(request, MaskedLogprobs):
            spans = _words(text)
            places = tuple(range(len(spans))) if request.places is None else request.places
            figures = [
                self.likelihood(
                    f"{text[: spans[k][0]]}[MASK]{text[spans[k][1] :]}", _at(text, spans[k])
                )
                for k in places
            ]
            return Pseudo(_reduced(text, [spans[k] for k in places], figures), places)
        if isinstance(request, FillMask):
            found = self.fills(f"{text} [MASK]{request.after}")[: request.most]
            return Fills(tuple(w for w, _ in found), tuple(p for _, p in found), len(text.split()))
        if isinstance(request, Generate):
            words = self.writes(text).split(" ")
            kept = " ".join(words[: request.decoding.most_tokens])
            stops = [kept.index(stop) for stop in request.decoding.stop if stop in kept]
            ended = len(words) <= request.decoding.most_tokens or bool(stops)
            kept = kept[: min(stops)] if stops else kept
            return Generated(kept, len(kept.split(" ")), ended, len(text.split()))
        if isinstance(request, Tokenize):
            spans = _words(text)
            ids = _ids([_at(text, span) for span in spans])
            return Tokens(ids, 0, tuple(a for a, _ in spans), tuple(b for _, b in spans))
        if isinstance(request, Embed) and self.embeds:
            return Embedding(tuple(self.embeds(text)), len(text.split()))
        return Failure(f"{type(request).__name__} was asked of a fake language model")

    def _scored(self, prompt: str, continuation: str) -> Scored:
        spans = _words(continuation)
        figures = [
            self.likelihood(prompt + continuation[:start], continuation[start:end])
            for start, end in spans
        ]
        return _reduced(continuation, spans, figures)


def hashed(text: str) -> tuple[float, float]:
    """Logits that look random and depend on the text alone."""
    unit = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    return (0.0, 6.0 * (unit - 0.5))


def constant(text: str) -> tuple[float, float]:
    """The same answer to everything."""
    del text
    return (0.0, 1.0)


RULES: dict[str, Rule] = {"hashed": hashed, "constant": constant}


def open_model(spec: ModelSpec, path: Path | None, name: str) -> Handle:
    """The adapter: `model: {path: hashed, adapter: fake}`."""
    del path
    if name not in RULES:
        raise UnknownName("fake model", name, RULES, "model: path")
    return Loaded(FakeClassifier(RULES[name], tuple(spec.labels or ("no", "yes")), key=name))


def _prompt(request: Request) -> str:
    if isinstance(request.input, Chat):
        return "\n".join(message.content for message in request.input.messages) + "\n"
    return one_text(request.input)


def _words(text: str) -> list[tuple[int, int]]:
    """Where the words of a text begin and end."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def _at(text: str, span: tuple[int, int]) -> str:
    return text[span[0] : span[1]]


def _ids(words: Sequence[str]) -> tuple[int, ...]:
    return tuple(int(hashlib.sha256(w.encode()).hexdigest()[:6], 16) for w in words)


def _reduced(text: str, spans: Sequence[tuple[int, int]], figures: Sequence[float]) -> Scored:
    """Words with their log-probabilities; rank 0 where one is likelier than not."""
    return Scored(
        ids=_ids([_at(text, span) for span in spans]),
        logprobs=tuple(figures),
        ranks=tuple(int(value < math.log(0.5)) for value in figures),
        means=tuple(-1.0 for _ in figures),
        deviations=tuple(1.0 for _ in figures),
        starts=tuple(start for start, _ in spans),
        ends=tuple(end for _, end in spans),
    )
