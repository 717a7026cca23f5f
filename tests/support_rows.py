"""Small audits of made-up rows, for end-to-end tests."""

from __future__ import annotations

import csv

import fmaudit
from fmaudit.models.fakes import FakeClassifier, hashed


def write(path, rows, header=("text", "label", "sex", "race")):
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(header)
        out.writerows(rows)


def mapping(tmp_path, **changes):
    return {
        "name": "odd",
        "model": {"path": "in memory"},
        "data": {
            "source": f"file:{tmp_path / 'rows.csv'}",
            "text": "text",
            "label": "label",
            "groups": ["sex", "race"],
        },
        **changes,
    }


def audit(tmp_path, rule=hashed, **changes):
    options = {"key": changes.pop("key", "odd"), "window": changes.pop("window", 512)}
    return fmaudit.audit(
        mapping(tmp_path, **changes), out=tmp_path / "run", model=FakeClassifier(rule, **options)
    )


def rows(count, text="a {sex} person {k}", sexes=("F", "M"), labels=("no", "yes")):
    return [
        (
            text.format(sex=sexes[k % len(sexes)], k=k),
            labels[(k // 2) % len(labels)],
            sexes[k % len(sexes)],
            "AB"[(k // 4) % 2],
        )
        for k in range(count)
    ]


def found(done, measure, **slice_):
    return [f for f in done.record.findings if f.measure == measure and dict(f.slice) == slice_]
