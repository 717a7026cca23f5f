"""How differently a language model reads the same sentences with different descriptors of people.

Rows are sentences: a frame (`frame`) with a descriptor of an attribute, `nats` how surprising it is
per token. In each frame t the descriptors' nats less their mean are d_t, one number a descriptor.

    descriptor_spread         θ = (|Σ d_t|² − Σ |d_t|²)/(D·T·(T − 1)) over T frames and D
                              descriptors, in nats² per token: the mean square of what a descriptor
                              adds in *every* frame. Chance and what one frame does alone leave it
                              at 0 on average; it may be below
    descriptor_spread_change  the same, less the base's, on frames that both answered
    descriptor_gap            mean of `above`: nats less the mean of the other descriptors of the
                              frame; over 0 the descriptor makes sentences more surprising
    descriptor_gap_change     the same, less the base's
    likelihood_bias           share of pairs of descriptors whose sentences' nats differ by a
                              two-sided Mann-Whitney U test at 0.05 (Smith and others); chance alone
                              gives 0.05. It grows with the number of frames and has no interval

Over several attributes or languages θ is the mean of theirs. A frame without one of its attribute's
descriptors is left out (`details.frames`). θ is a U-statistic: with g_t = d_t·(Σ d − d_t)/((T−1)·D)
the influence of frame t is 2(g_t − θ)/T·(T − 1)/(T − 2), what leaving it out does, so that the
variance is the jackknife's; shared by its rows, linearised over frames, without bounds
(`estimates`). Frames must be the sample's clusters, one for all attributes: a short sentence shows
every descriptor more, so that the θ of attributes on the same sentences err together. Simulated on
24 to 60 frames the interval holds the truth in 93 to 96 %, and in 99 % where θ is 0.

Smith, Hall, Kambadur, Presani and Williams 2022, https://doi.org/10.18653/v1/2022.emnlp-main.625;
Hoeffding 1948 (U-statistics); Efron and Stein 1981, https://doi.org/10.1214/aos/1176345462 (the
jackknife's variance).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised, require
from fmaudit.stats.measures.base import Measure
from fmaudit.stats.measures.columns import UNBOUNDED, average
from fmaudit.stats.sample import Floats, Ints, Question, Sample
from fmaudit.types import Estimate

LEVEL = 0.05
FEWEST_FRAMES = 10
_NAMED = ("attribute", "descriptor", "frame")


def spread(nats: Floats) -> tuple[float, Floats]:
    """θ of the nats of T frames and D descriptors, (T, D), and each frame's influence (T,)."""
    frames, descriptors = nats.shape
    d = nats - nats.mean(axis=1, keepdims=True)
    g = (d * (d.sum(axis=0) - d)).sum(axis=1) / ((frames - 1) * descriptors)
    value = float(g.mean())
    return value, 2 * (g - value) / frames * (frames - 1) / (frames - 2)


def _tables(sample: Sample) -> Iterator[Ints]:
    """For each attribute the places of its rows, (frames, descriptors); whole frames alone."""
    attribute, descriptor, frame = (sample.columns[c].astype(str) for c in _NAMED)
    for name in sorted(set(attribute.tolist())):
        mine = np.flatnonzero(attribute == name)
        frames, row = np.unique(frame[mine], return_inverse=True)
        # A set in two languages names its frames apart, and has descriptors of each.
        for block in _blocks(descriptor[mine], row.reshape(-1), len(frames)):
            yield mine[block]


def _blocks(descriptor: Any, frame: Ints, frames: int) -> Iterator[Ints]:
    """Frames that share their descriptors, as tables of places; those that lack one left out."""
    sets: dict[int, dict[str, int]] = {t: {} for t in range(frames)}
    for place, (name, t) in enumerate(zip(descriptor.tolist(), frame.tolist(), strict=True)):
        sets[t][name] = place
    kinds: list[tuple[set[str], list[int]]] = []
    for t, found in sorted(sets.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        names = set(found)
        for known, members in kinds:
            if names == known:
                members.append(t)
                break
            if names < known:
                break  # a frame that lost a descriptor
        else:
            kinds.append((names, [t]))
    for names, members in kinds:
        order = sorted(names)
        yield np.array([[sets[t][name] for name in order] for t in members], dtype=np.int64)


def _spread(sample: Sample, question: Question, *columns: str) -> Estimate:
    """θ of the first column, less that of the second where there is one."""
    require(sample, question)
    tables = [t for t in _tables(sample) if t.shape[0] >= FEWEST_FRAMES and t.shape[1] > 1]
    if not tables:
        raise NotEstimable(f"fewer than {FEWEST_FRAMES} frames with every descriptor")
    value, influence = 0.0, np.zeros(sample.n)
    for table in tables:
        for sign, name in zip((1, -1), columns, strict=False):
            nats = np.asarray(sample.columns[name], dtype=float)[table]
            theta, moved = spread(nats)
            value += sign * theta / len(tables)
            influence[table] += sign * moved[:, None] / table.shape[1] / len(tables)
    kept = np.zeros(sample.n, dtype=bool)
    for table in tables:
        kept[table.reshape(-1)] = True
    rows = sample.take(kept)
    details = {"frames": sum(len(table) for table in tables), "left_out": int((~kept).sum())}
    return linearised(
        value, influence[kept], rows, question, span=UNBOUNDED, limiting=None, details=details
    )


def _measure(name: str, title: str, *columns: str) -> Measure:
    def estimate(sample: Sample, question: Question) -> Estimate:
        return _spread(sample.host(), question, *columns)

    def value(sample: Sample, question: Question) -> float:
        return estimate(sample, question).value

    return Measure(
        name, title, (*columns, *_NAMED), "lower", estimate, value, unit="nats² per token"
    )


def _likelihood_bias(sample: Sample, question: Question) -> Estimate:
    from scipy.stats import mannwhitneyu

    host = sample.host()
    require(host, question)
    nats = np.asarray(host.columns["nats"], dtype=float)
    different, pairs = 0, 0
    for table in (t for t in _tables(host) if t.shape[1] > 1):
        a, b = np.triu_indices(table.shape[1], 1)
        p = mannwhitneyu(nats[table[:, a]], nats[table[:, b]], axis=0, method="asymptotic").pvalue
        different, pairs = different + int((p <= LEVEL).sum()), pairs + a.size
    if not pairs:
        raise NotEstimable("no two descriptors in the same frames")
    details = {"pairs": pairs, "chance": LEVEL, "no_interval": "a share of tests, not of rows"}
    return Estimate(different / pairs, None, None, host.n, host.unit_count, "none", details=details)


MEASURES = (
    _measure("descriptor_spread", "Spread of descriptors", "nats"),
    _measure(
        "descriptor_spread_change", "Spread of descriptors, less the base's", "nats", "base_nats"
    ),
    average(
        "descriptor_gap", "Surprise at a descriptor, above the others", ("above",), "zero",
        span=UNBOUNDED, unit="nats per token",
    ),
    average(
        "descriptor_gap_change", "Surprise at a descriptor, less the base's",
        ("above", "base_above"), "zero", span=UNBOUNDED, unit="nats per token",
    ),
    Measure(
        "likelihood_bias", "Share of pairs of descriptors that differ (Mann-Whitney)",
        ("nats", *_NAMED), "lower", _likelihood_bias,
        lambda sample, question: _likelihood_bias(sample, question).value,
    ),
)  # fmt: skip
