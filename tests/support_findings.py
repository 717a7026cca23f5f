"""Rows made up by hand, and the findings of a card over them."""

from __future__ import annotations

import itertools

import numpy as np

from fmaudit import findings, plans
from fmaudit.cards import ProbeCard
from fmaudit.evidence import Writer
from fmaudit.scoring import CLASSIFIED
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Row

CLASSES = ("no", "yes")


def card(*measures: dict[str, object]) -> ProbeCard:
    return ProbeCard.model_validate(
        {
            "id": "test.card",
            "title": "A title",
            "claim": "A claim.",
            "method": "predictions",
            "measures": measures,
            "harm": "A harm.",
            "citation": [{"text": "A paper"}],
        }
    )


def answered(name: str, label: int | None, predicted: int, share: float = 0.7, **case) -> Row:
    probs = [1 - share, share] if predicted else [share, 1 - share]
    values = {"label": label, "predicted": predicted, "probs": probs, "tokens": 3, "cut": 0}
    return Row(Case(name, f"text {name}", **case), values)


def broken(name: str, reason: str = "NaN", failed: bool = True, **case) -> Row:
    return Row(Case(name, "x", **case), {}, reason=reason, failed=failed)


def people(count: int = 240) -> list[Row]:
    """Labels and errors that differ from group to group, by a fixed rule."""
    rows = []
    for k in range(count):
        groups = {"sex": "FM"[k % 2], "race": "AB"[(k // 2) % 2]}
        label = (k // 4) % 2
        wrong = k % 5 == 0 if groups["sex"] == "F" else k % 3 == 0
        rows.append(answered(f"c{k}", label, label ^ int(wrong), groups=groups))
    return rows


def share_right(rows: list[Row], **groups: str) -> float:
    mine = [r for r in rows if all(r.case.groups.get(k) == v for k, v in groups.items())]
    return float(np.mean([r.values["label"] == r.values["predicted"] for r in mine]))


def universe_of(rows: list[Row]) -> plans.Universe:
    groups: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.case.groups.items():
            groups.setdefault(name, set()).add(value)
    cells = {
        (a, b): tuple(
            sorted({(g[a], g[b]) for g in (r.case.groups for r in rows) if a in g and b in g})
        )
        for a, b in itertools.combinations(groups, 2)
    }
    return plans.Universe({k: tuple(sorted(v)) for k, v in groups.items()}, cells, CLASSES, 1)


def estimated(path, rows, *measures, columns=CLASSIFIED, order=lambda p: p, m=1, seed=0):
    """Findings of rows: written, read back, estimated."""
    with Writer(path, columns) as out:
        out.write(rows)
    mine = card(*measures)
    planned = order(list(plans.plan(mine, universe_of(rows))))
    return findings.estimate(mine, planned, path, classes=CLASSES, m=m, seeds=Seeds(seed))
