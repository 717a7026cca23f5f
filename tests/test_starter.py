from __future__ import annotations

import importlib
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import fmaudit
from fmaudit import catalog, sources
from fmaudit.data import open_cases
from fmaudit.data.draw import unique
from fmaudit.engine.progress import Silent
from fmaudit.tuning import Recipe, tune
from fmaudit.types import digest

# the package's attribute of this name is the function
quickstart = importlib.import_module(fmaudit._PUBLIC["quickstart"])

ROWS, TRAINING, OTHERS, EVALUATION, SMALLEST = 1500, 48, 60, 200, 3


@pytest.fixture(scope="module")
def adult(shared, tmp_path_factory) -> Path:
    """A folder with the Adult card over the real files on disk."""
    root = tmp_path_factory.mktemp("cards")
    card = catalog.dataset("adult").model_dump(mode="json")
    for file in card["files"]:
        name = file["source"].rsplit("/", 1)[1]
        file["source"] = f"file:{shared / 'data' / 'adult' / name}.gz"
        file["sha256"] = None
    (root / "datasets" / "adult").mkdir(parents=True)
    (root / "datasets" / "adult" / "card.yaml").write_text(json.dumps(card))
    return root


@pytest.fixture(scope="module")
def small(adult, tiny):
    """A quickstart of a small base, few real rows and one epoch, that fetches nothing."""

    def opened(spec, **options):
        return open_cases(spec.model_copy(update={"limit": ROWS}), extra=[adult], **options)

    resolve = sources.resolve

    def fetched(source, **options):
        return tiny if source == quickstart.BASE else resolve(source, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "resolve", fetched)
        patch.setattr(quickstart, "open_cases", opened)
        patch.setattr(quickstart, "Recipe", lambda seed: Recipe(1, 16, longest=32, seed=seed))
        patch.setattr(quickstart, "TRAINING_ROWS", TRAINING)
        patch.setattr(quickstart, "OTHER_ROWS", OTHERS)
        patch.setattr(quickstart, "EVALUATION_ROWS", EVALUATION)
        patch.setattr(quickstart, "SMALLEST_STRATUM", SMALLEST)
        yield opened


@pytest.fixture(scope="module")
def done(small, tmp_path_factory):
    """A finished quickstart, and its cache."""
    cache = tmp_path_factory.mktemp("cache")
    return quickstart.quickstart(tmp_path_factory.mktemp("runs") / "run", cache=cache), cache


@pytest.fixture(scope="module")
def subject(done) -> Path:
    (folder,) = (done[1] / "subjects").glob("quickstart-*")
    return folder


def rows(subject: Path, name: str) -> list[dict]:
    return pq.read_table(subject / f"{name}.parquet").to_pylist()


def test_the_audit_is_whole(done):
    audit, _ = done
    ran = {c.probe for c in audit.record.coverage if c.status == "ran"}
    assert ran == {
        "performance.classification",
        "bias.group_outcomes",
        "bias.counterfactual_terms",
        "robustness.character_noise",
        "privacy.membership_loss",
        "explanations.integrated_gradients",
        "explanations.partition_shap",
    }
    assert audit.exit_code in (0, 1, 3)
    assert audit.record.model["classes"] == list(quickstart.CLASSES)
    assert audit.record.data["attributes"] == ["sex", "race"]
    assert audit.record.data["positive"] == ">50K"
    assert (audit.run / "report.html").is_file()


def test_training_and_evaluation_share_no_row_and_no_text(subject):
    training, evaluation = rows(subject, "training"), rows(subject, "evaluation")
    assert (len(training), len(evaluation)) == (TRAINING, EVALUATION)
    for key in ("id", "text"):
        mine, others = [{row[key] for row in part} for part in (training, evaluation)]
        assert len(mine) == TRAINING
        assert len(others) == EVALUATION
        assert mine & others == set()


def test_the_others_of_the_privacy_probes_are_a_random_draw_without_training_rows(subject):
    training, others = rows(subject, "training"), rows(subject, "others")
    assert len({row["text"] for row in others}) == OTHERS
    assert not {row["text"] for row in others} & {row["text"] for row in training}
    assert {row["weight"] for row in others} == {1.0}  # of all rows alike, no stratum preferred


def test_few_texts_are_explained_by_shap_and_gate_nothing(done):
    audit, _ = done
    mine = [f for f in audit.record.findings if f.probe == "explanations.partition_shap"]
    assert mine
    assert {f.rule for f in mine} == {None}
    (entry,) = [c for c in audit.record.coverage if c.probe == "explanations.partition_shap"]
    assert entry.cases == quickstart.EXPLAINED_BY_SHAP


def test_the_draw_is_recorded_and_can_be_checked(subject, small):
    made = json.loads((subject / "made.json").read_text())
    assert (made["base"], made["base_sha256"]) == (quickstart.BASE, quickstart.BASE_SHA256)
    assert made["recipe"]["seed"] == made["draw"]["seed"] == quickstart.SEED
    assert (made["draw"]["members"], made["evaluation_rows"]) == (TRAINING, EVALUATION)
    assert "random" in made["draw"]["how"]
    ids = sorted(row["id"] for row in rows(subject, "training"))
    assert made["draw"]["members_digest"] == digest(ids)
    source = small(quickstart.DataSpec(card="adult"), where="test")
    distinct = unique(case for part in source.chunks(999) for case in part)
    assert made["draw"]["from"] == len(distinct) < ROWS
    rest = sorted({case.id for case in distinct} - set(ids))
    assert made["draw"]["others_digest"] == digest(rest)


def test_small_groups_are_held_and_weighted_back(subject, small):
    evaluation = rows(subject, "evaluation")
    assert all(
        row["stratum"] == f"{row['sex']} · {row['race']} · {row['label']}" for row in evaluation
    )
    source = small(quickstart.DataSpec(card="adult"), where="test")
    trained = {row["id"] for row in rows(subject, "training")}
    rest = Counter(
        f"{c.groups['sex']} · {c.groups['race']} · {c.target}"
        for c in unique(case for part in source.chunks(999) for case in part)
        if c.id not in trained
    )
    held = Counter(row["stratum"] for row in evaluation)
    assert held.keys() == rest.keys()
    assert all(held[name] >= min(SMALLEST, count) for name, count in rest.items())
    for name, count in rest.items():
        weights = [row["weight"] for row in evaluation if row["stratum"] == name]
        assert weights == pytest.approx([count / held[name]] * held[name])


def test_what_is_prepared_is_not_prepared_again(done, subject, monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("it was made anew")

    monkeypatch.setattr(quickstart, "tune", refuse)
    monkeypatch.setattr(quickstart, "open_cases", refuse)
    assert quickstart.prepare(done[1], Silent()) == subject


def test_another_recipe_is_another_subject(done, subject, monkeypatch):
    monkeypatch.setattr(quickstart, "tune", lambda base, cases, classes, recipe, out, told: None)
    monkeypatch.setattr(quickstart, "EVALUATION_ROWS", EVALUATION - 1)
    other = quickstart.prepare(done[1], Silent())
    assert other != subject
    assert len(rows(other, "evaluation")) == EVALUATION - 1
    assert rows(other, "training") == rows(subject, "training")


def test_a_preparation_that_breaks_off_leaves_no_subject(small, tmp_path, monkeypatch):
    def breaks(base, cases, classes, recipe, out, told):
        out.mkdir(parents=True)
        (out / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(quickstart, "tune", breaks)
        with pytest.raises(KeyboardInterrupt):
            quickstart.prepare(tmp_path, Silent())
    assert not list(tmp_path.rglob("made.json"))
    found = quickstart.prepare(tmp_path, Silent())
    assert (found / quickstart.MODEL / "model.safetensors").stat().st_size > 1000
    assert tune is quickstart.tune


def test_its_verdicts_do_not_change_the_exit_code_of_the_verb(done, monkeypatch, capsys):
    import typer

    from fmaudit.cli.quickstart import quickstart as verb

    monkeypatch.setattr(quickstart, "quickstart", lambda out, progress: done[0])
    with pytest.raises(typer.Exit) as end:
        verb(out=None, quiet=True)
    assert end.value.exit_code == 0
    assert "report.html" in capsys.readouterr().out
