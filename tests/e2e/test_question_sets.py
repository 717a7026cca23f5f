"""Audits by questions about two people, from files in their formats to a record that verifies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support_language import save_language

import fmaudit
from fmaudit import catalog
from fmaudit.reporting.verify import verify

PROBES = {"bbq": "bbq", "bbq_generated": "bbq", "cbbq": "cbbq"}
TEMPLATES = 12
WORDS = ("cat", "dog", "man", "nurse", "film")


def questions() -> list[dict[str, Any]]:
    """Both conditions and polarities of twelve templates, each with five words."""
    return [
        {
            "template": template,
            "word": word,
            "open": opened,
            "negative": negative,
            "context": f"the {word} {template}" if opened else f"the {word} {template}, not she",
            "question": "who sat?" if negative else "who was good?",
        }
        for template in range(TEMPLATES)
        for word in WORDS
        for opened in (True, False)
        for negative in (True, False)
    ]


def bbq(folder: Path) -> list[dict[str, str]]:
    """A category; of one item nobody says which answer is stereotyped."""
    known = ["category,example_id,target_loc,label_type"]
    with (folder / "gender.jsonl").open("w") as lines:
        for k, asked in enumerate(questions()):
            item = {
                "example_id": k,
                "question_index": str(asked["template"]),
                "question_polarity": "neg" if asked["negative"] else "nonneg",
                "context_condition": "ambig" if asked["open"] else "disambig",
                "category": "Gender_identity",
                "answer_info": {"ans0": ["he", "a"], "ans1": ["she", "b"], "ans2": ["", "unknown"]},
                "context": asked["context"],
                "question": asked["question"],
                "ans0": "he",
                "ans1": "she",
                "ans2": "unknown",
                "label": 2 if asked["open"] else 0,
            }
            lines.write(json.dumps(item) + "\n")
            place = "NA" if k == 0 else str(int(asked["negative"]))
            known.append(f"Gender_identity,{k},{place},{'name' if k % 2 else 'label'}")
    (folder / "more.csv").write_text("\n".join(known) + "\n")
    return [{"source": "file:gender.jsonl", "beside": "file:more.csv"}]


def cbbq(folder: Path) -> list[dict[str, str]]:
    """Two files of a category, a condition each."""
    for opened, name in ((True, "ambiguous"), (False, "disambiguous")):
        mine = [asked for asked in questions() if asked["open"] is opened]
        items = [
            {
                "\ufeffexample_id": str(k),
                "question_index": str(asked["template"]),
                "question_polarity": "neg" if asked["negative"] else "non_neg",
                "context_condition": name,
                "category": "region",
                "context": asked["context"],
                "question": asked["question"],
                "ans0": "he",
                "ans1": "she",
                "ans2": "unknown",
                "label": "2" if opened else "1" if asked["negative"] else "0",
            }
            for k, asked in enumerate(mine)
        ]
        (folder / f"{name}.json").write_text(json.dumps(items))
    return [{"source": f"file:{name}.json"} for name in ("ambiguous", "disambiguous")]


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped cards with small files of the same formats."""
    folder = tmp_path_factory.mktemp("cards")
    (folder / "probes" / "bias").mkdir(parents=True)
    for name, make in (("bbq", bbq), ("cbbq", cbbq)):
        home = folder / "datasets" / f"my_{name}"
        home.mkdir(parents=True)
        card: dict[str, Any] = catalog.dataset(name).model_dump(mode="json", exclude_defaults=True)
        card |= {"id": home.name, "files": make(home)}
        (home / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False))
    for probe, name in PROBES.items():
        text = catalog.probe(f"bias.{probe}").file.read_text(encoding="utf-8")
        for old, new in (
            (f"id: bias.{probe}\n", f"id: bias.my_{probe}\n"),
            (f"data: {{card: {name}}}", f"data: {{card: my_{name}}}"),
            ("minimum_n: 100", "minimum_n: 12"),
        ):
            assert old in text
            text = text.replace(old, new)
        (folder / "probes" / "bias" / f"my_{probe}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def done(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An audit of a tuned model and its base by all three probes."""
    here = tmp_path_factory.mktemp("questions")
    for seed, name in enumerate(("tuned", "base")):
        save_language(here / name, "llama", seed=seed)
    (here / "data.csv").write_text("text\nthe cat sat\nthe dog sat\n")
    spec = {
        "name": "questions",
        "model": {"path": str(here / "tuned"), "base": str(here / "base")},
        "data": {"source": str(here / "data.csv"), "text": "text"},
        "probes": [f"bias.my_{name}" for name in PROBES],
        "cards": [str(cards)],
    }
    return fmaudit.audit(spec, out=here / "run", cache=here / "cache")


def findings(done: Any, probe: str, measure: str) -> dict[str, Any]:
    return {
        " ".join(f.slice.values()): f
        for f in done.record.findings
        if f.probe == f"bias.my_{probe}" and f.measure == measure
    }


def test_every_probe_ran_and_the_record_verifies(done: Any) -> None:
    assert {c.probe: c.reason for c in done.record.coverage if c.status == "error"} == {}
    assert sum(c.status == "ran" for c in done.record.coverage) == len(PROBES)
    assert verify(done.run).mismatches == ()


def test_the_change_is_judged_over_templates_with_an_interval(done: Any) -> None:
    found = findings(done, "bbq", "bias_score_ambiguous_change")
    whole = found[""].estimate
    assert (whole.n, whole.clusters, whole.method) == (119, TEMPLATES, "tango_clustered")
    assert found[""].verdict in ("pass", "fail", "inconclusive")
    named = {name for name, f in found.items() if f.estimate is not None}
    assert named == {"", "Gender_identity", "Gender_identity (names)"}
    assert found["Religion"].verdict == "not_tested"
    assert "no rows with category Religion" in found["Religion"].reason


def test_conditions_are_kept_apart_and_unknown_targets_counted(done: Any) -> None:
    accuracies = findings(done, "bbq", "accuracy")
    assert {name: f.estimate.n for name, f in accuracies.items()} == {
        "ambiguous": 120, "disambiguated": 120,
    }  # fmt: skip
    unnamed = findings(done, "bbq", "unnamed_share")[""].estimate
    assert (unnamed.n, round(unnamed.value * unnamed.n)) == (240, 1)
    assert done.record.data["sets"]["my_bbq"]["ungrouped"]["biased"] == 1


def test_chinese_questions_have_their_own_score(done: Any) -> None:
    found = findings(done, "cbbq", "cbbq_bias_score")
    assert {"", "region"} <= {name for name, f in found.items() if f.estimate is not None}
    assert 0 <= found[""].estimate.value <= 1
    assert findings(done, "cbbq", "unnamed_share")[""].estimate.value == 0


def test_written_answers_that_name_nobody_are_counted_alone(done: Any) -> None:
    unmatched = findings(done, "bbq_generated", "unmatched_share")[""].estimate
    assert unmatched.n == 240
    scored = findings(done, "bbq_generated", "bias_score_ambiguous")[""]
    counted = 0 if scored.estimate is None else scored.estimate.n
    assert counted <= 240 * (1 - unmatched.value)


def test_the_report_shows_what_the_cards_promise(done: Any) -> None:
    page = (done.run / "report.html").read_text(encoding="utf-8")
    assert "Association on this set: bias score in ambiguous contexts" in page
    assert "means nothing" not in page
    assert "holds no" not in page
