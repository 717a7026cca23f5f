"""`Tokenize`: a text's tokens as a model reads them, and where they stand."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.inputs import Pair
from fmaudit.models.base import Prepared, plain
from fmaudit.models.reading import Reader
from fmaudit.requests import Request, Tokens


def tokens(reader: Reader, requests: Sequence[Request], window: int) -> list[Prepared]:
    """Each request with its answer as its payload; nothing is left to run."""
    sides = [plain(request) for request in requests]
    shown = [(x.first, x.second) if isinstance(x, Pair) else (x,) for x in sides]
    prepared = []
    for request, side in zip(requests, shown, strict=True):
        found = reader.tokenizer(
            *side, return_offsets_mapping=reader.placed, truncation=False, verbose=False
        )
        ids = tuple(found["input_ids"])
        cut = max(0, len(ids) - window) if window else 0
        places = found["offset_mapping"] if reader.placed else ()
        starts, ends = (tuple(p[k] for p in places) for k in (0, 1))
        kept = len(ids) - cut
        answer = Tokens(ids[:kept], cut, starts[:kept], ends[:kept])
        prepared.append(Prepared(request, answer, max(1, kept), cut))
    return prepared
