"""What a row alone says of its membership: a classifier that never sees the model.

Where members and non-members come from different sources, other years or other topics, anyone
can tell them apart without the model, and so can every attack on it (Das, Zhang and Tramèr 2024,
https://arxiv.org/abs/2406.16201; Meeus et al. 2024, https://arxiv.org/abs/2406.17975).

Ridge regression of the side (1 or 0, less its mean) on TF-IDF of words (one and two in a row) and
of characters (one to three, each kind of white space a character of its own), on the text's length
and on the label: what the attack sees of a row. In its dual form, with K the rows' inner products,
G = (K + I)⁻¹, y the sides and a = G·y, the scores of the rows S of a fold by the fit to the other
folds are

    y_S − G_SS⁻¹ a_S

(the block form of leave-one-out; Rifkin and Lippert 2007), so that the fits for all shuffled
sides together cost one inverse and one product. Sides are shuffled within the folds, each of
which holds as many members as the next: under the null every shuffle is as likely, which makes
(1 + #{AUC* ≥ AUC}) / (draws + 1) exact, and p, twice the smaller of it and of its like with ≤, too.
It is two-sided for an AUC far under 0.5 also tells: each text's likeness stands on the other side,
as reworded copies of training texts among the non-members do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from fmaudit.data.draw import shuffled
from fmaudit.seeds import Seeds
from fmaudit.types import Case, one_text

Array: TypeAlias = npt.NDArray[Any]

_BLOCK = 1000
_SPACE = re.compile(r"\s")
_PRIVATE = 0xF0000  # where Unicode gives no sign a meaning
_CUT = chr(_PRIVATE)
_COMMON = 0.02
"""Features in more rows than this share are multiplied as dense columns."""


class BlindParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the classifier is fitted.

    `most_rows` bounds memory: of more, that many are drawn, both sides in proportion; the rest
    is scored by the fits of the folds that they are dealt to, and takes no part in p.
    `most_characters` of a text are read, half of them its beginning and half its end. Under 199
    `permutations` no p reaches 0.01.
    """

    folds: int = 5
    permutations: Annotated[int, msgspec.Meta(ge=199)] = 999
    most_rows: int = 6000
    most_characters: int = 4000


@dataclass(frozen=True)
class Blind:
    """Each row's score (n,), over 0 for a member; and the two-sided permutation p of its AUC."""

    scores: Array
    p: float


def blind(cases: Sequence[Case], params: BlindParams, seeds: Seeds) -> Blind:
    """Score every case by the folds that it is not in.

    Args:
        cases: members and non-members, at least `folds` of each.
        params: how the classifier is fitted.
        seeds: deals the folds by the cases' ids, and shuffles the sides.
    """
    dealt = _deal(cases, params, seeds)
    member = np.array([case.member for case in cases], dtype=np.float64)
    at, blocks = _by_fold(dealt)
    fitted, others = _features(cases, at, np.flatnonzero(~dealt.fitted), params)
    y = member[at] - member[at].mean()
    inverse = _inverse(fitted)
    residual, alpha = _left_out(inverse, y[:, None], blocks)
    scores = np.empty(len(cases))
    scores[at] = y - residual[:, 0]
    if len(at) < len(cases):
        scores[~dealt.fitted] = _rest(
            others, fitted, inverse, alpha, residual, blocks, dealt.fold[~dealt.fitted]
        )
    observed = auc(scores[at][:, None], member[at][:, None])[0]
    drawn = _shuffled_aucs(inverse, member[at], blocks, params.permutations, seeds)
    return Blind(scores, _two_sided(observed, drawn))


def auc(scores: Array, members: Array) -> Array:
    """P(s₁ > s₀) + ½P(s₁ = s₀) of each column: scores and sides (n, k) → (k,)."""
    from scipy.stats import rankdata

    inside = members.sum(axis=0)
    won = (rankdata(scores, axis=0) * members).sum(axis=0) - inside * (inside + 1) / 2
    return np.asarray(won / (inside * (len(members) - inside)))


def _two_sided(observed: float, drawn: Array) -> float:
    tails = (drawn >= observed - 1e-12).sum(), (drawn <= observed + 1e-12).sum()
    return min(1.0, 2 * (1 + int(min(tails))) / (len(drawn) + 1))


@dataclass(frozen=True)
class _Dealt:
    """Each row's fold, and whether the classifier is fitted to it."""

    fold: Array
    fitted: Array


def _deal(cases: Sequence[Case], params: BlindParams, seeds: Seeds) -> _Dealt:
    place = {case.id: k for k, case in enumerate(cases)}
    order = [place[case.id] for case in shuffled(cases, seeds.child("folds"))]
    fold = np.empty(len(cases), dtype=np.int64)
    fitted = np.zeros(len(cases), dtype=bool)
    share = min(1.0, params.most_rows / len(cases))
    for member in (True, False):
        side = [k for k in order if cases[k].member is member]
        fold[side] = np.arange(len(side)) % params.folds
        fitted[side[: max(params.folds, int(share * len(side)))]] = True
    return _Dealt(fold, fitted)


def _by_fold(dealt: _Dealt) -> tuple[Array, list[slice]]:
    """The fitted rows, fold after fold, and where each fold lies."""
    rows = np.flatnonzero(dealt.fitted)
    at = rows[np.argsort(dealt.fold[rows], kind="stable")]
    ends = np.cumsum(np.bincount(dealt.fold[at]))
    starts = [0, *ends[:-1].tolist()]
    return at, [slice(a, b) for a, b in zip(starts, ends.tolist(), strict=True)]


def _features(
    cases: Sequence[Case], at: Array, others: Array, params: BlindParams
) -> tuple[Any, Any]:
    """Sparse features of the fitted rows and of the others; those of one row alone left out."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import OneHotEncoder

    texts = [_ends(one_text(case.input), params.most_characters) for case in cases]
    shown = [_SPACE.sub(_visible, text) for text in texts]
    told = np.array([[case.target, _length(case)] for case in cases], dtype=object)
    words = TfidfVectorizer(
        ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", lowercase=False, sublinear_tf=True
    )
    signs = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False, sublinear_tf=True)
    named = OneHotEncoder(handle_unknown="ignore").fit(told[at])
    fit = [words.fit_transform(texts[k] for k in at), signs.fit_transform(shown[k] for k in at)]
    first = sparse.hstack([*fit, named.transform(told[at])]).tocsc()
    kept = np.diff(first.indptr) > 1
    if len(others) == 0:
        return first[:, kept].tocsr(), None
    rest = [words.transform(texts[k] for k in others), signs.transform(shown[k] for k in others)]
    second = sparse.hstack([*rest, named.transform(told[others])]).tocsc()
    return first[:, kept].tocsr(), second[:, kept].tocsr()


def _ends(text: str, most: int) -> str:
    """A text of at most `most` characters; of a longer one its beginning and its end."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}{_CUT}{text[len(text) - half :]}"


def _visible(space: re.Match[str]) -> str:
    """A private sign for each kind of white space, whose runs the vectoriser would fold."""
    return chr(_PRIVATE + ord(space[0]))


def _length(case: Case) -> str:
    """Which quarter of a doubling the text's length, in characters, falls in."""
    return str(math.floor(4 * math.log2(1 + len(one_text(case.input)))))


def _products(left: Any, right: Any) -> Iterator[tuple[slice, Array]]:
    """Inner products of the rows of two sparse matrices, a block of `left` at a time."""
    common = np.bincount(right.indices, minlength=right.shape[1]) > _COMMON * right.shape[0]
    dense, rare = right[:, common].toarray().T, right[:, ~common].T.tocsc()
    for start in range(0, left.shape[0], _BLOCK):
        rows = slice(start, min(start + _BLOCK, left.shape[0]))
        part = left[rows]
        yield rows, part[:, common].toarray() @ dense + (part[:, ~common] @ rare).toarray()


def _inverse(features: Any) -> Array:
    """(K + I)⁻¹ of the features' rows; only its lower triangle is filled."""
    from scipy.linalg import lapack

    size = features.shape[0]
    kernel = np.empty((size, size), order="F")
    for rows, block in _products(features, features):
        kernel[rows] = block
    kernel[np.diag_indices(size)] += 1.0
    factor, _ = lapack.dpotrf(kernel, lower=1, overwrite_a=1)
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    return np.asarray(inverse)


def _left_out(inverse: Array, y: Array, blocks: Sequence[slice]) -> tuple[Array, Array]:
    """What the other folds' scores leave of y, for each column of y (n, k); and G·y."""
    from scipy.linalg import blas, cho_factor, cho_solve

    alpha = blas.dsymm(1.0, inverse, np.asfortranarray(y), lower=1)
    residual = np.empty_like(alpha)
    for block in blocks:
        factor = cho_factor(inverse[block, block], lower=True)
        residual[block] = cho_solve(factor, alpha[block])
    return residual, alpha


def _rest(
    others: Any,
    fitted: Any,
    inverse: Array,
    alpha: Array,
    residual: Array,
    blocks: Sequence[slice],
    fold: Array,
) -> Array:
    """Scores (rows of `others`) by the fits that leave their fold out."""
    from scipy.linalg import blas

    gone = np.zeros((len(alpha), len(blocks)), order="F")
    for k, block in enumerate(blocks):
        gone[block, k] = residual[block, 0]
    weights = alpha - blas.dsymm(1.0, inverse, gone, lower=1)
    scores = np.empty(others.shape[0])
    for rows, products in _products(others, fitted):
        found = products @ weights
        scores[rows] = found[np.arange(len(found)), fold[rows]]
    return scores


def _shuffled_aucs(
    inverse: Array, member: Array, blocks: Sequence[slice], draws: int, seeds: Seeds
) -> Array:
    """AUCs (draws,) of the classifier fitted to sides that are shuffled within the folds."""
    rng = seeds.rng("shuffle")
    found = []
    for start in range(0, draws, _BLOCK // 4):
        count = min(_BLOCK // 4, draws - start)
        sides = np.empty((len(member), count))
        for block in blocks:
            sides[block] = rng.permuted(np.tile(member[block], (count, 1)), axis=1).T
        y = sides - member.mean()
        residual, _ = _left_out(inverse, y, blocks)
        found.append(auc(y - residual, sides))
    return np.concatenate(found)
