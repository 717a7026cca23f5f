"""Whole audits of models that remember, that do not, and of texts that cannot tell."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support_rows import write

import fmaudit
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.reporting import record, seal
from fmaudit.reporting.verify import verify
from fmaudit.types import Finding

RATE = "tpr_at_1_percent_fpr"
WORDS = ["river", "stone", "lamp", "cloud", "bread", "table", "window", "garden", "music"]
N = 1200

Rows = list[tuple[str, str]]


def rows(seed: int, topic: str = "") -> Rows:
    rng = random.Random(seed)
    return [
        (
            f"{topic}{' '.join(rng.choices(WORDS, k=8))} {rng.randrange(10**6)}",
            rng.choice(["no", "yes"]),
        )
        for _ in range(N)
    ]


def audit(folder: Path, members: Rows, others: Rows, *, remembered: int = 0, **said: Any) -> Any:
    """An audit of a model that gives `remembered` of the members their label for certain."""
    known = dict(members[:remembered])

    def rule(text: str) -> tuple[float, float]:
        if text in known:
            return (9.0, -9.0) if known[text] == "no" else (-9.0, 9.0)
        return hashed(text)

    header = ("text", "label")
    for name, some in (("in", members), ("out", others), ("rows", rows(9)[:40])):
        write(folder / f"{name}.csv", some, header)
    sides = {
        "members": f"file:{folder / 'in.csv'}",
        "nonmembers": f"file:{folder / 'out.csv'}",
        "drawn": "random",
        "record": "by lot",
        **said.pop("membership", {}),
    }
    spec = {
        "name": "members",
        "model": {"path": "in memory"},
        "data": {"source": f"file:{folder / 'rows.csv'}", "text": "text", "label": "label"},
        "membership": sides,
        "probes": [{"id": "privacy.membership_loss", "params": {"permutations": 199}}],
        **said,
    }
    return fmaudit.audit(spec, out=folder / "run", model=FakeClassifier(rule, key="remembers"))


def finding(done: Any, measure: str = RATE) -> Finding:
    (found,) = (f for f in done.record.findings if f.measure == measure)
    return found


def verified(folder: Path) -> bool:
    found = verify(folder / "run")
    assert found.counts["value"] > 0
    return found.ok


def test_a_model_that_remembers_a_tenth_fails(tmp_path: Path) -> None:
    done = audit(tmp_path, rows(5), rows(6), remembered=N // 10, evidence={"texts": "hash"})
    found = finding(done)
    assert found.verdict == "fail"
    assert found.estimate is not None
    assert found.estimate.value == pytest.approx(0.11, abs=0.01)
    assert done.exit_code == 1
    assert verified(tmp_path)
    frame = done.evidence("privacy.membership_loss")
    assert set(frame["input"].str[:7]) == {"sha256:"}
    assert frame["member"].sum() == N
    assert finding(done, "tpr_at_0_1_percent_fpr").verdict == "not_tested"
    assert finding(done, "membership_advantage").verdict == "measured"


def test_a_model_that_remembers_nothing_passes(tmp_path: Path) -> None:
    done = audit(tmp_path, rows(5), rows(6))
    assert finding(done).verdict == "pass"
    assert done.exit_code == 0
    assert verified(tmp_path)
    told = done.record.data["membership"]
    assert (told["members"], told["nonmembers"], told["record"]) == (N, N, "by lot")


def test_members_on_one_topic_cannot_be_judged(tmp_path: Path) -> None:
    done = audit(tmp_path, rows(5, "weather: "), rows(6), remembered=N // 10)
    found = finding(done)
    assert found.verdict == "not_tested"
    assert "not interpretable: the texts alone tell members" in found.reason
    assert done.exit_code == 3
    blind = finding(done, "blind_auc").estimate
    assert blind is not None
    assert blind.value > 0.99
    assert verified(tmp_path)


def test_non_members_that_reword_members_are_no_pass(tmp_path: Path) -> None:
    """A model that knows every member by heart, and what is like a member too."""
    members, numbers = rows(5), random.Random(8)
    reworded = [
        (f"{text.rsplit(' ', 1)[0]} {numbers.randrange(10**6)}", label) for text, label in members
    ]
    done = audit(tmp_path, members, reworded, remembered=N)
    found = finding(done)
    assert found.verdict == "not_tested"
    assert "less like their own side than like the other" in found.reason
    assert finding(done, "membership_advantage").reason == found.reason
    blind = finding(done, "blind_auc").estimate
    assert blind is not None
    assert (blind.high or 1.0) < 0.5
    assert finding(done, "membership_auc").verdict == "measured"
    assert verified(tmp_path)


def test_rows_of_one_person_are_not_counted_as_many(tmp_path: Path) -> None:
    """The column of persons is that of `data`; a person on both sides is one cluster."""
    header = ("text", "label", "person")
    for name, seed in (("in", 5), ("out", 6)):
        some = [(*row, f"p{k // 10}") for k, row in enumerate(rows(seed))]
        write(tmp_path / f"{name}.csv", some, header)
    data = {"source": f"file:{tmp_path / 'rows.csv'}", "text": "text", "label": "label"}
    write(tmp_path / "rows.csv", [(*row, str(k)) for k, row in enumerate(rows(7)[:40])], header)
    spec = {
        "model": {"path": "in memory"},
        "data": {**data, "cluster": "person"},
        "membership": {
            "members": f"file:{tmp_path / 'in.csv'}",
            "nonmembers": f"file:{tmp_path / 'out.csv'}",
            "drawn": "random",
            "record": "by lot",
        },
        "probes": [{"id": "privacy.membership_loss", "params": {"permutations": 199}}],
    }
    done = fmaudit.audit(spec, out=tmp_path / "run", model=FakeClassifier(hashed, key="plain"))
    assert finding(done).verdict == "not_tested"
    assert "2400 rows of 120 clusters" in finding(done).reason
    auc = finding(done, "membership_auc").estimate
    assert auc is not None
    assert auc.clusters == 120
    assert verified(tmp_path)


def test_audited_rows_that_were_trained_on_stop_the_audit(tmp_path: Path) -> None:
    known, fresh = rows(5), rows(7)

    def of(name: str, audited: Rows) -> Any:
        folder = tmp_path / name
        folder.mkdir()
        write(folder / "audited.csv", audited, ("text", "label"))
        data = {"source": f"file:{folder / 'audited.csv'}", "text": "text", "label": "label"}
        return audit(folder, known, rows(6), data=data)

    spaced = [(f" {text}\t", label) for text, label in known[:3]]
    with pytest.raises(fmaudit.errors.DataError, match=r"3 of 40 rows \(7\.5%\) hold a text of"):
        of("many", [*spaced, *fresh[:37]])
    assert not (tmp_path / "many" / "run" / "answers.sqlite").exists()
    done = of("few", [*spaced[:2], *fresh[:38]])
    assert done.record.data["membership"]["trained_in_data"] == 2


FORGED: dict[str, Any] = {"members": 1100, "nonmembers": 1300, "drawn": "unknown"}


@pytest.mark.parametrize("name", FORGED)
def test_what_a_record_says_of_the_sides_is_checked(tmp_path: Path, name: str) -> None:
    done = audit(tmp_path, rows(5)[:100], rows(6)[:100])
    told = {**done.record.data["membership"], name: FORGED[name]}
    data = {**done.record.data, "membership": told}
    forged = msgspec.structs.replace(done.record, data=data)
    record.write(tmp_path / "run", seal.seal(tmp_path / "run", forged))
    found = verify(tmp_path / "run").mismatches
    assert name in {check.figure for check in found}


def test_without_a_draw_on_record_equal_texts_are_judged_and_others_not(tmp_path: Path) -> None:
    sides = {"drawn": "unknown", "record": None}
    done = audit(tmp_path, rows(5), rows(6), membership=sides)
    assert finding(done).verdict == "pass"
    mixed = [(f"weather: {t}", y) if k % 4 == 0 else (t, y) for k, (t, y) in enumerate(rows(5))]
    (tmp_path / "b").mkdir()
    done = audit(tmp_path / "b", mixed, rows(6), membership=sides)
    assert "not interpretable" in finding(done).reason
    assert verified(tmp_path / "b")


def test_training_texts_among_the_others_are_no_pass(tmp_path: Path) -> None:
    members, others = rows(5), rows(6)
    done = audit(tmp_path, members, [*others, *members[:100]])
    found = finding(done)
    assert found.verdict == "not_tested"
    assert "8.3% of a side's texts stand on the other one" in found.reason
    frame = done.evidence("privacy.membership_loss")
    assert frame["reason"].value_counts().to_dict() == {
        "the same text stands among members and non-members": 200
    }
    assert verified(tmp_path)


def test_few_texts_that_stand_on_both_sides_are_told_as_such(tmp_path: Path) -> None:
    for name, n in (("many", 1200), ("few", 60)):
        (tmp_path / name).mkdir()
        members = rows(5)[:n]
        done = audit(tmp_path / name, members, [*members[: n // 3], *rows(6)[: n - n // 3]])
        assert "33.3% of a side's texts stand on the other one" in finding(done).reason
        assert verified(tmp_path / name)


@pytest.mark.parametrize(
    ("members", "why"),
    [(300, "300 members and 1200 non-members, at least 1000"), (20, "1,000 of each for a rate")],
)
def test_too_few_are_not_tested(tmp_path: Path, members: int, why: str) -> None:
    done = audit(tmp_path, rows(5)[:members], rows(6))
    assert finding(done).verdict == "not_tested"
    assert why in finding(done).reason
    assert verified(tmp_path)


def test_without_labels_the_cure_is_told(tmp_path: Path) -> None:
    data = {"source": f"file:{tmp_path / 'rows.csv'}", "text": "text"}
    done = audit(tmp_path, rows(5), rows(6), data=data)
    assert "no label: name its column as `label`" in finding(done).reason
    assert done.exit_code == 3


def test_labels_that_the_model_does_not_know_stop_the_audit(tmp_path: Path) -> None:
    with pytest.raises(fmaudit.errors.DataError, match=r"membership\.label.*'perhaps'"):
        audit(tmp_path, [("a", "perhaps")], rows(6))


def test_an_audit_says_the_same_again(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        done = audit(
            tmp_path / name, rows(5), rows(6), remembered=50, chunk=97 if name == "b" else 4096
        )
        found.append([(f.measure, f.estimate, f.verdict) for f in done.record.findings])
    assert found[0] == found[1]
