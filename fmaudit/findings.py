"""From evidence to findings: estimates of the file read back, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from fmaudit import precision, proofs
from fmaudit.catalog import ProbeCard
from fmaudit.errors import NotEstimable
from fmaudit.plans import Plan, finding
from fmaudit.rowsets import Evidence, Place
from fmaudit.seeds import Seeds
from fmaudit.stats import measures, verdicts
from fmaudit.stats.sample import Question
from fmaudit.types import Estimate, Finding

UNSTEADY = 0.05


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
    of failed rows every finding is `error`, and so is one with as many among its own rows or those
    of a group that it compares (see `Evidence.failures`); fewer are counted in `details.failed`.
    """
    read = {c for p in plans for c in measures.get(p.measure).columns} - {"group"}
    rows = Evidence(path, sorted(read | {c for p in plans for c in p.where}), place)
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
        failed, why_broken = rows.failures(planned)
        if why_broken:
            found.append(_with(blank, verdict="error", reason=why_broken))
            continue
        try:
            if planned.reason:
                raise NotEstimable(planned.reason)
            figure = measures.get(planned.measure).estimate(rows.sample(planned), question)
        except NotEstimable as why:
            found.append(_with(blank, reason=str(why)))
            continue
        if failed:
            figure = msgspec.structs.replace(figure, details={**figure.details, "failed": failed})
        found.append(_with(blank, estimate=figure, verdict="measured"))
        if planned.rule is not None:
            found.extend(_left_out(blank, figure))
    return found


def judge(
    findings: Sequence[Finding], m: Mapping[str, int], flips: float = 0.0, dtype: str = "float32"
) -> list[Finding]:
    """Give the gated findings their verdicts, family by family.

    `m`: family → Holm size. `flips`: share of inputs whose class changes when the same input is
    asked again; above 5 % no rule passes or fails, for it would be passed or failed by chance.
    `dtype`: what the model is served in; a verdict that would be another in float32 does not
    stand (see `precision`). Nothing passes by a scorer that sees nothing (see `proofs`).
    """
    judged = list(findings)
    for family in sorted({f.family for f in findings}):
        at = [k for k, f in enumerate(findings) if f.family == family and f.estimate is not None]
        asked = [(_figure(findings[k]), findings[k].rule) for k in at]
        moved = [(precision.moved(figure), rule) for figure, rule in asked]
        served = verdicts.decide(asked, m[family])
        other = verdicts.decide(moved, m[family])
        for k, (verdict, reason, needed), then in zip(at, served, other, strict=True):
            judged[k] = _with(findings[k], verdict=verdict, reason=reason, needed_n=needed)
            if verdict not in ("pass", "fail"):
                continue
            why = ""
            if flips > UNSTEADY:
                why = f"the same input changes its class in up to {flips:.0%} of repeats"
            elif then.verdict != verdict:
                why = precision.why(_figure(findings[k]), verdict, then.verdict, dtype)
            elif verdict == "pass":
                why = proofs.unproven(findings[k], findings)
            if why:
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
