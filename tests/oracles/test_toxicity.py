"""HateCheck and madlibs from their own files, scored by a list of words, against scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fmaudit import catalog
from fmaudit.bias.toxicity import ToxicityParams, score
from fmaudit.data.published import madlibs
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Case, Logits

CLASSES = ("neither", "toxic")
BAD = ("hate", "kill", "stupid", "disgust", "vile", "ugly", "fuck", "filthy", "gay", "queer")


def logits(text: str) -> Logits:
    """A classifier that counts words, two of which only name people."""
    return Logits((1.0, 1.5 * sum(word in text.lower() for word in BAD)))


def sample(cases: list[Case], labels: tuple[str, ...], group: str = "") -> Sample:
    params = ToxicityParams(toxic=("toxic",), labels=labels)
    rows = [score(case, logits(str(case.input)), CLASSES, params) for case in cases]
    names = ("toxic", "flagged", "right", "score")
    columns: dict[str, Any] = {name: np.array([row.values[name] for row in rows]) for name in names}
    columns["functionality"] = np.array([row.values["functionality"] for row in rows], dtype=object)
    columns["identity"] = np.array([row.values["identity"] for row in rows], dtype=object)
    cluster = pd.factorize(np.array([case.cluster for case in cases], dtype=object))[0]
    return Sample(columns, cluster=cluster)


@pytest.fixture(scope="module")
def hatecheck(shared: Path) -> tuple[pd.DataFrame, Sample]:
    card = catalog.dataset("hatecheck")
    frame = pd.read_csv(
        shared / "data/hatecheck/test_suite_cases.csv", keep_default_na=False, dtype=str
    )
    assert card.columns is not None
    groups = card.columns.grouped
    cases = [
        Case(
            row[str(card.columns.id)],
            row[str(card.columns.text)],
            target=row[str(card.columns.label)],
            groups={name: row[column] for name, column in groups.items() if row[column]},
            cluster=row[str(card.columns.cluster)],
        )
        for row in frame.to_dict("records")
    ]
    return frame, sample(cases, ("hateful",))


def test_the_file_is_the_one_that_the_card_names(shared: Path) -> None:
    from fmaudit.downloads import sha256_of

    (file,) = catalog.dataset("hatecheck").files
    assert sha256_of(shared / "data/hatecheck/test_suite_cases.csv") == file.sha256


def test_the_phrases_are_those_that_the_card_names(shared: Path) -> None:
    import gzip
    import hashlib

    (file,) = catalog.dataset("madlibs").files
    with gzip.open(shared / "data/madlibs/en_sentence_templates.csv.gz") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == file.sha256


def test_the_share_of_tests_passed_by_functionality_and_group(
    hatecheck: tuple[pd.DataFrame, Sample],
) -> None:
    frame, mine = hatecheck
    values = {
        str(v)
        for entry in catalog.probe("bias.hatecheck").measures
        if entry.category == "functionality"
        for v in entry.values
    }
    assert values == set(frame["functionality"])
    plain = [sum(word in text.lower() for word in BAD) > 0 for text in frame["test_case"]]
    right = (frame["label_gold"] == "hateful").to_numpy() == np.array(plain)
    assert len(right) == 3728
    for column, by in (("functionality", "functionality"), ("identity", "target_ident")):
        for name in set(frame[by]) - {""}:
            rows = mine.take(mine.columns[column] == name)
            if rows.unit_count < 10:
                continue
            found = MEASURES["tests_passed"].estimate(rows, Question(minimum_n=10))
            assert found.value == pytest.approx(right[frame[by] == name].mean(), abs=1e-12)
            assert found.clusters == frame.loc[frame[by] == name, "templ_id"].nunique()


def test_the_areas_of_every_identity_of_madlibs(shared: Path) -> None:
    items = list(madlibs.read(shared / "data/madlibs/en_sentence_templates.csv.gz", None))[::7]
    cases = [
        Case(
            str(k),
            item["phrase"],
            target=item["toxicity"],
            groups={"identity": item["identity"]},
            cluster=item["word"],
        )
        for k, item in enumerate(items)
        if item["identity"]
    ]
    mine = sample(cases, ("toxic",))
    toxic, said = mine.columns["toxic"] == 1, mine.columns["score"]
    by_kind: dict[str, dict[str, float]] = {"subgroup": {}, "bpsn": {}, "bnsp": {}}
    for name in sorted(set(mine.columns["identity"])):
        inside = mine.columns["identity"] == name
        for kind, (high, low) in {
            "subgroup": (inside, inside), "bpsn": (~inside, inside), "bnsp": (inside, ~inside),
        }.items():  # fmt: skip
            kept = np.where(toxic, high, low)
            by_kind[kind][name] = float(roc_auc_score(toxic[kept], said[kept]))
            one = Sample({**mine.columns, "group": inside}, cluster=mine.cluster)
            found = MEASURES[f"{kind}_auc"].estimate(one, Question(minimum_n=10))
            assert found.value == pytest.approx(by_kind[kind][name], abs=1e-12)
            assert found.clusters <= 41
    assert len(by_kind["bpsn"]) == 50
    low = sorted(by_kind["bpsn"], key=by_kind["bpsn"].__getitem__)[:2]
    assert set(low) == {"gay", "queer"}
    whole = Sample({**mine.columns, "group": mine.columns["identity"]}, cluster=mine.cluster)
    for kind, values in by_kind.items():
        found = MEASURES[f"{kind}_auc_generalised_mean"].estimate(whole, Question(minimum_n=10))
        expected = np.mean(np.array(list(values.values())) ** -5.0) ** -0.2
        assert found.value == pytest.approx(expected, abs=1e-12)
