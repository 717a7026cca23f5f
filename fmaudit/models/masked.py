"""Masked language models of transformers (BERT, RoBERTa and their kin), from a folder.

A token's log-probability is read where the mask stands in its place, one place a row, so that the
rows of many texts share batches. Their sum is the pseudo-log-likelihood.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from fmaudit.errors import ModelError
from fmaudit.models import embedding, language
from fmaudit.models.base import Facts, Model, Prepared
from fmaudit.models.language import LanguageHandle, Loaded
from fmaudit.models.memory import fitting
from fmaudit.models.reading import Ids, Reader
from fmaudit.models.reductions import Reduced, reduce
from fmaudit.models.split import Split
from fmaudit.models.tokens import tokens
from fmaudit.requests import (
    Embed,
    Failure,
    FillMask,
    Fills,
    MaskedLogprobs,
    Pseudo,
    Request,
    Response,
    Scored,
    Tokenize,
    Tokens,
)
from fmaudit.segments import unspaced

if TYPE_CHECKING:
    import torch

    from fmaudit.spec import ModelSpec

NOTHING = "the text has no token to hide"

PIECE = "##"
"""How WordPiece writes a token that goes on with a word."""

UNREADABLE = "\ufffd"
"""What a byte that is no character of its own is decoded as."""


class Hidden(Struct, frozen=True):
    """A text's tokens, and the places that are hidden in their turn."""

    read: Tokens
    places: Ids


class MaskedModel:
    """A loaded masked language model.

    Offers `masked_logprobs`, `fill_mask`, `tokenize` and `embed`.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        kinds = embedding.kinds(loaded.module, loaded.tokenizer)
        self.capabilities = frozenset({"masked_logprobs", "fill_mask", "tokenize"}) | kinds
        self.split = loaded.each(_split)
        self.facts: Facts = loaded.facts
        self.reader = Reader(loaded.tokenizer)
        mask = getattr(loaded.tokenizer, "mask_token_id", None)
        if mask is None:
            raise ModelError(
                f"model: the tokenizer of {self.facts.name} has no mask token, so that no token "
                "can be hidden. Save the tokenizer with its `mask_token`."
            )
        self._mask = int(mask)
        self._pad = int(getattr(loaded.tokenizer, "pad_token_id", None) or 0)
        self._special = frozenset(loaded.tokenizer.all_special_ids)

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Tokenise; a text beyond the window loses its end, which is counted."""
        first = requests[0] if requests else None
        if isinstance(first, Embed):
            return embedding.prepare(requests, self.reader.tokenizer, self.facts.window)
        if isinstance(first, FillMask):
            return self._places(requests)
        read = tokens(self.reader, requests, self.facts.window)
        if not isinstance(first, MaskedLogprobs):
            return read
        return [self._hidden(p) for p in read]

    def _hidden(self, prepared: Prepared) -> Prepared:
        read, request = prepared.payload, prepared.request
        assert isinstance(request, MaskedLogprobs)
        own = tuple(k for k, token in enumerate(read.ids) if token not in self._special)
        places = own if request.places is None else request.places
        beyond = [k for k in places if not 0 <= k < len(read.ids)]
        payload: Hidden | Failure = Hidden(read, places)
        if not places:
            payload = Failure(NOTHING)
        elif beyond:
            payload = Failure(f"the text has {len(read.ids)} tokens and no place {beyond[0]}")
        return Prepared(request, payload, prepared.length, prepared.cut)

    def _places(self, requests: Sequence[Request]) -> list[Prepared]:
        """Each text with the mask in its place."""
        word = self._loaded.tokenizer.mask_token
        asked = [r for r in requests if isinstance(r, FillMask)]
        texts = [f"{r.input.rstrip()} {word}{r.after}".lstrip() for r in asked]
        read = tokens(self.reader, [Tokenize(text) for text in texts], self.facts.window)
        return [self._placed(r, p) for r, p in zip(asked, read, strict=True)]

    def _placed(self, request: FillMask, prepared: Prepared) -> Prepared:
        ids = prepared.payload.ids
        places = tuple(k for k, token in enumerate(ids) if token == self._mask)
        payload: Hidden | Failure = Hidden(prepared.payload, places)
        if prepared.cut:
            reason = f"{prepared.cut} tokens of the text do not fit the model's window"
            payload = Failure(reason, beyond=True)
        elif len(places) != 1:
            payload = Failure(f"the text has {len(places)} places to fill, and one is asked for")
        return Prepared(request, payload, prepared.length, prepared.cut)

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """Answer a batch of one kind; at most `rows` rows of `length` tokens at once."""
        import torch

        if isinstance(batch[0].request, Tokenize):
            return [p.payload for p in batch]
        if isinstance(batch[0].request, Embed):
            module = self._loaded.module_for(batch[0].request)
            return embedding.run(module, batch, length=length, rows=rows, pad=self._pad)
        split = self.split.of(batch[0].request)
        ready = [p.payload for p in batch if isinstance(p.payload, Hidden)]
        lines = [(hidden.read.ids, place) for hidden in ready for place in hidden.places]
        most = min(max(1, rows), split.rows(length))
        if isinstance(batch[0].request, FillMask):
            return self._filled(split, batch, length, most)
        found: list[Reduced] = []
        with fitting(), torch.inference_mode():
            for start in range(0, len(lines), most):
                found += self._read(split, lines[start : start + most], length)
        answers = iter(found)
        return [
            p.payload if isinstance(p.payload, Failure) else _answer(p.payload, answers)
            for p in batch
        ]

    def _filled(
        self, split: Split, batch: Sequence[Prepared], length: int, most: int
    ) -> list[Response]:
        """The likeliest words at the hidden place of each text."""
        import torch

        ready = [p for p in batch if isinstance(p.payload, Hidden)]
        found: dict[int, Response] = {}
        with fitting(), torch.inference_mode():
            step = min(most, split.places)
            for start in range(0, len(ready), step):
                part = ready[start : start + step]
                lines = [(p.payload.read.ids, p.payload.places[0]) for p in part]
                flat, rows = self._states(split, lines, length)
                logits = split.logits(flat[torch.tensor(rows, device=flat.device)]).float()
                for p, line in zip(part, torch.log_softmax(logits, -1).cpu(), strict=True):
                    found[id(p)] = self._words(p, line)
        return [p.payload if isinstance(p.payload, Failure) else found[id(p)] for p in batch]

    def _words(self, prepared: Prepared, logprobs: torch.Tensor) -> Response:
        """The likeliest words of one place."""
        import torch

        assert isinstance(prepared.request, FillMask)
        if bool(logprobs.isnan().any()):
            return Failure("the logits are not finite")
        hidden: Hidden = prepared.payload
        before = hidden.read.ids[: hidden.places[0]][-1:]
        words: dict[str, float] = {}
        for token in torch.argsort(logprobs, descending=True, stable=True).tolist():
            logprob = float(logprobs[token])
            if len(words) == prepared.request.most or logprob == -math.inf:
                break
            word = self._word(token, before)
            if word and word not in words:
                words[word] = logprob
        return Fills(tuple(words), tuple(words.values()), tokens=len(hidden.read.ids))

    def _word(self, token: int, before: Ids) -> str:
        """A token behind another as a word of its own.

        "" for a piece, which goes on with the word before, a special token, what has no text.
        """
        tokenizer = self._loaded.tokenizer
        if token in self._special:
            return ""
        if str(tokenizer.convert_ids_to_tokens(token)).startswith(PIECE):
            return ""
        word = str(tokenizer.decode([token])).strip()
        if not word or UNREADABLE in word:
            return ""
        if self._special.issuperset(before):
            return word
        # Vocabularies that mark spaces, not pieces: only beside what stands before can it be seen.
        beside = str(tokenizer.decode([*before, token])).rstrip()
        piece = not beside.endswith(word) or _runs_on(beside.removesuffix(word)[-1:], word[0])
        return "" if piece else word

    def _read(self, split: Split, lines: Sequence[tuple[Ids, int]], length: int) -> list[Reduced]:
        """The reduced prediction at the hidden place of each (tokens, place)."""
        flat, rows = self._states(split, lines, length)
        asked = [[(row, line[place])] for row, (line, place) in zip(rows, lines, strict=True)]
        return reduce(split, flat, asked)

    def _states(
        self, split: Split, lines: Sequence[tuple[Ids, int]], length: int
    ) -> tuple[torch.Tensor, list[int]]:
        """Hidden states (places, width) of texts with one token hidden, and which are asked for."""
        import torch

        device = next(split.module.parameters()).device
        ids = torch.full((len(lines), length), self._pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, (line, place) in enumerate(lines):
            ids[row, : len(line)] = torch.tensor(line)
            ids[row, place] = self._mask
            mask[row, : len(line)] = 1
        fields = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
        hidden = split.hidden(fields)
        flat = hidden.reshape(-1, hidden.shape[-1])
        return flat, [row * length + place for row, (_, place) in enumerate(lines)]


def open_model(
    spec: ModelSpec, path: Path | None, name: str, base: Path | None = None
) -> LanguageHandle:
    """The adapter: `path` is where the model's source was resolved to, `base` its base's."""
    return language.handle(spec, path, name, "masked", wrap, base)


def wrap(loaded: Loaded) -> Model:
    """The model of loaded parts."""
    return MaskedModel(loaded)


def _split(module: Any) -> Split:
    return Split(module, str(getattr(module, "base_model_prefix", "")))


def _runs_on(last: str, first: str) -> bool:
    """Whether two characters side by side are of one word, in scripts that part words by spaces."""
    kinds = [unicodedata.category(char)[0] for char in last + first if not unspaced(char)]
    return len(kinds) == 2 and set(kinds) <= set("LMN")


def _answer(hidden: Hidden, answers: Iterator[Reduced]) -> Response:
    """The hidden tokens' figures, one after the other."""
    each: list[Scored] = []
    for place in hidden.places:
        one = next(answers).scored((hidden.read.ids[place],))
        if isinstance(one, Scored):
            each.append(one)
    if len(each) < len(hidden.places):
        return Failure("the logits are not finite")
    placed = hidden.places if hidden.read.starts else ()
    scored = Scored(
        ids=tuple(s.ids[0] for s in each),
        logprobs=tuple(s.logprobs[0] for s in each),
        ranks=tuple(s.ranks[0] for s in each),
        means=tuple(s.means[0] for s in each),
        deviations=tuple(s.deviations[0] for s in each),
        starts=tuple(hidden.read.starts[k] for k in placed),
        ends=tuple(hidden.read.ends[k] for k in placed),
    )
    read = len(hidden.places) * len(hidden.read.ids)
    return Pseudo(scored, hidden.places, tokens=read, cut=hidden.read.cut)
