"""From evidence to findings: slices of the file read back, estimates, and their verdicts.

rows that a finding is about
{}                              all
{"sex": "Female"}               groups["sex"] is "Female"
{"sex": "Female", "race": "B"}  both
{"attribute": "sex"}            all that have a value of sex, compared by it
{"attribute": "sex & race"}     compared by cell, "Female & Black"
{<a column of a card's `where` or `category`>: value}      that column has that value
less those where a column that the measure reads is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from fmaudit import evidence
from fmaudit.catalog import ProbeCard
from fmaudit.errors import NotEstimable
from fmaudit.plans import Plan, crossed, finding
from fmaudit.seeds import Seeds
from fmaudit.stats import measures, verdicts
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Finding

if TYPE_CHECKING:
    import pyarrow as pa

Bools = npt.NDArray[np.bool_]
Place = Callable[[npt.NDArray[Any]], Any]

TOO_MANY_FAILED = 0.05
UNSTEADY = 0.05


class Evidence:
    """A probe's evidence as arrays.

    Args:
        path: the Parquet file.
        columns: the columns to read beside the common ones.
        place: puts a numeric column where its figures are computed (the model's device).
    """

    def __init__(self, path: Path, columns: Sequence[str], place: Place = np.asarray) -> None:
        common = ["groups", "cluster", "weight", "stratum", "failed", "reason"]
        self._table = evidence.read(path, [*common, *columns])
        self._place = place
        self.rows = self._table.num_rows

    @cached_property
    def failed(self) -> Bools:
        """Rows that the model could not answer."""
        return np.asarray(self._table["failed"].to_numpy(zero_copy_only=False), dtype=bool)

    @property
    def failed_share(self) -> float:
        """Failed rows among those that the method applies to (the others carry a reason)."""
        applies = self._table["reason"].is_null().to_numpy(zero_copy_only=False) | self.failed
        return float(self.failed.sum() / applies.sum()) if applies.any() else 0.0

    def why_failed(self) -> str:
        """How many rows failed, and the commonest reason."""
        reasons, counts = np.unique(
            [str(r) for r in self._table["reason"].to_numpy(zero_copy_only=False)[self.failed]],
            return_counts=True,
        )
        return (
            f"{int(self.failed.sum())} of {self.rows} rows failed; "
            f"most often: {reasons[counts.argmax()]}"
        )

    def group(self, attributes: Sequence[str]) -> npt.NDArray[np.object_]:
        """Each row's value of an attribute, or its cell of crossed ones; None where missing."""
        parts = [self._groups(a) for a in attributes]
        if len(parts) == 1:
            return parts[0]
        joined = np.empty(self.rows, dtype=object)
        for k, cell in enumerate(zip(*parts, strict=True)):
            joined[k] = None if None in cell else crossed(cell)
        return joined

    def sample(self, planned: Plan) -> Sample:
        """The rows of a planned figure. Raises `NotEstimable` where there are none."""
        measure = measures.get(planned.measure)
        wanted = [c for c in measure.columns if c != "group"]
        mask = self._answered(tuple(wanted))
        columns = {name: self._column(name)[0] for name in wanted}
        if planned.attributes:
            columns["group"] = self.group(planned.attributes)
        mask = mask & self._sliced(planned)
        if not mask.any():
            raise NotEstimable(self._why_none(planned))
        weight, cluster, stratum = self._design
        return Sample(columns, weight=weight, cluster=cluster, stratum=stratum).take(mask)

    def _sliced(self, planned: Plan) -> Bools:
        """Which rows lie in the slice, whatever their columns hold."""
        mask = np.ones(self.rows, dtype=bool)
        if planned.attributes:
            groups = self.group(planned.attributes)
            mask &= np.array([g is not None for g in groups], dtype=bool)
        for name, value in planned.slice.items():
            if name in planned.where:
                mask &= self._texts(name) == value
            elif not planned.attributes:
                mask &= self._groups(name) == value
        return mask

    def _why_none(self, planned: Plan) -> str:
        """Why a slice has no rows to measure: the commonest reason that its rows carry."""
        carried = _objects(self._table["reason"])[self._sliced(planned)]
        said = Counter(str(reason) for reason in carried if reason is not None)
        if not said:
            return "no rows"
        reason, count = said.most_common(1)[0]
        return f"no rows: {reason} ({count} of {len(carried)} rows)"

    @cached_property
    def _design(self) -> tuple[Any, Any, Any]:
        """Weights, clusters and strata, each None where it says nothing."""
        weight = self._table["weight"].to_numpy()
        cluster, clusters = _codes(self._table["cluster"])
        stratum, strata = _codes(self._table["stratum"])
        return (
            weight if np.any(weight != 1.0) else None,
            cluster if len(clusters) < self.rows else None,
            stratum if len(strata) > 1 else None,
        )

    def _groups(self, attribute: str) -> npt.NDArray[np.object_]:
        import pyarrow.compute as pc

        if attribute not in self._grouped:
            values = pc.map_lookup(self._table["groups"], attribute, "first")
            self._grouped[attribute] = _objects(values)
        return self._grouped[attribute]

    @cached_property
    def _grouped(self) -> dict[str, npt.NDArray[np.object_]]:
        return {}

    def _texts(self, name: str) -> npt.NDArray[np.object_]:
        return _objects(self._table[name])

    def _answered(self, names: tuple[str, ...]) -> Bools:
        mask = np.ones(self.rows, dtype=bool)
        for name in names:
            mask &= self._column(name)[1]
        return mask

    def _column(self, name: str) -> tuple[Any, Bools]:
        """A column's values (anything where null) and which of them are there."""
        if name not in self._columns:
            values, there = _array(self._table[name])
            self._columns[name] = (self._place(values), there)
        return self._columns[name]

    @cached_property
    def _columns(self) -> dict[str, tuple[Any, Bools]]:
        return {}


def estimate(
    card: ProbeCard,
    plans: Sequence[Plan],
    path: Path,
    *,
    classes: Sequence[str],
    m: int,
    seeds: Seeds,
    place: Place = np.asarray,
) -> list[Finding]:
    """The findings of one probe, without their verdicts on rules (see `judge`).

    `m` is the size of the probe's Holm family. A figure that does not exist on its rows is
    `not_tested` with the reason, and so is each group that a gap had to leave out. Past 5 %
    of failed rows every finding is `error`.
    """
    read = {c for p in plans for c in measures.get(p.measure).columns} - {"group"}
    rows = Evidence(path, sorted(read | {c for p in plans for c in p.where}), place)
    if rows.failed_share > TOO_MANY_FAILED:
        reason = rows.why_failed()
        return [_with(finding(card, p, classes), verdict="error", reason=reason) for p in plans]
    found: list[Finding] = []
    for planned in plans:
        blank = finding(card, planned, classes)
        rng_key = (card.id, planned.measure, str(sorted(planned.slice.items())))
        question = Question(
            rule=planned.rule,
            m=max(1, m),
            positive=planned.positive,
            classes=len(classes),
            minimum_n=planned.minimum_n,
            rng=seeds.rng(*rng_key, str(planned.positive)),
        )
        try:
            if planned.reason:
                raise NotEstimable(planned.reason)
            figure = measures.get(planned.measure).estimate(rows.sample(planned), question)
        except NotEstimable as why:
            found.append(_with(blank, reason=str(why)))
            continue
        found.append(_with(blank, estimate=figure, verdict="measured"))
        if planned.rule is not None:
            found.extend(_left_out(blank, figure))
    return found


def judge(findings: Sequence[Finding], m: Mapping[str, int], flips: float = 0.0) -> list[Finding]:
    """Give the gated findings their verdicts, family by family.

    `m`: family → Holm size. `flips`: share of inputs whose class changes when the same input is
    asked again; above 5 % no rule passes or fails, for it would be passed or failed by chance.
    """
    judged = list(findings)
    for family in sorted({f.family for f in findings}):
        at = [k for k, f in enumerate(findings) if f.family == family and f.estimate is not None]
        asked = [(_figure(findings[k]), findings[k].rule) for k in at]
        for k, (verdict, reason, needed) in zip(at, verdicts.decide(asked, m[family]), strict=True):
            judged[k] = _with(findings[k], verdict=verdict, reason=reason, needed_n=needed)
            if flips > UNSTEADY and verdict in ("pass", "fail"):
                why = f"the same input changes its class in up to {flips:.0%} of repeats"
                judged[k] = _with(judged[k], verdict="inconclusive", reason=why)
    return judged


def device_place(device: str) -> Place:
    """Puts numeric columns on the model's device; on a CPU they stay as they are."""
    kind = device.split()[0]
    if kind != "cuda":
        return np.asarray

    def place(values: npt.NDArray[Any]) -> Any:
        import torch

        return torch.tensor(values, device=kind) if values.dtype != object else values

    return place


def _left_out(blank: Finding, figure: Estimate) -> list[Finding]:
    """One `not_tested` for each group that a gated gap left out, so that none goes unsaid."""
    attribute = blank.slice.get("attribute", "")
    excluded: Mapping[str, str] = figure.details.get("excluded", {})
    return [
        _with(blank, slice={"attribute": attribute, "left out": group}, reason=reason, rule=None)
        for group, reason in sorted(excluded.items())
    ]


def _with(blank: Finding, **changes: Any) -> Finding:
    return msgspec.structs.replace(blank, **changes)


def _figure(found: Finding) -> Estimate:
    assert found.estimate is not None
    return found.estimate


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def _objects(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Strings as objects, equal ones shared; None where null."""
    encoded = column.combine_chunks().dictionary_encode()
    words = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    codes = encoded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.object_] = words[codes]
    return found


def _array(column: pa.ChunkedArray) -> tuple[npt.NDArray[Any], Bools]:
    """Values with something harmless where null, and which are there."""
    import pyarrow as pa

    whole = column.combine_chunks()
    there = np.asarray(whole.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    if pa.types.is_list(whole.type):
        flat = whole.flatten().to_numpy(zero_copy_only=False)
        width = len(flat) // max(1, int(there.sum()))
        table = np.zeros((len(there), width))
        table[there] = flat.reshape(-1, width)
        return table, there
    if pa.types.is_string(whole.type):
        return _objects(column), there
    zero: Any = False if pa.types.is_boolean(whole.type) else 0
    return whole.fill_null(zero).to_numpy(zero_copy_only=False), there
