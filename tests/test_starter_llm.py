from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from support_language import save_language

from fmaudit import letters, sources, starter_llm
from fmaudit import spec as specs
from fmaudit.data import open_cases
from fmaudit.data.membership import open_membership
from fmaudit.engine.progress import Silent
from fmaudit.lora import Recipe
from fmaudit.models.weights import weights_of
from fmaudit.types import digest

MEMBERS, OTHERS, EVALUATION, REPEATED = 40, 50, 21, {4: 3, 16: 2}
FAMILIES = {"performance", "bias", "robustness", "privacy", "explanations"}
RECIPE = Recipe(4, 4, ("q_proj",), upper=1, epochs=1, batch=16, longest=32)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return save_language(tmp_path_factory.mktemp("llama"), "llama", chat=True)


@pytest.fixture(scope="module")
def small(base):
    """Few letters and a small base: nothing is fetched."""
    resolve = sources.resolve

    def fetched(source, **options):
        if source != starter_llm.BASE:
            return resolve(source, **options)
        assert options["sha256"] == starter_llm.BASE_SHA256
        return base

    def recipe(seed):
        return msgspec.structs.replace(RECIPE, seed=seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "resolve", fetched)
        patch.setattr(starter_llm, "Recipe", recipe)
        patch.setattr(starter_llm, "MEMBERS", MEMBERS)
        patch.setattr(starter_llm, "OTHERS", OTHERS)
        patch.setattr(starter_llm, "EVALUATION_ROWS", EVALUATION)
        patch.setattr(starter_llm, "REPEATED", REPEATED)
        yield


@pytest.fixture(scope="module")
def cache(small, tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def seen() -> list[str]:
    """The texts that the model was tuned on, in their order."""
    return []


@pytest.fixture(scope="module")
def subject(cache, seen) -> Path:
    tune = starter_llm.tune

    def watched(base, texts, *args, **options):
        seen.extend(texts)
        return tune(base, texts, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starter_llm, "tune", watched)
        return starter_llm.prepare(cache, Silent())


def rows(subject: Path, name: str) -> list[dict]:
    return pq.read_table(subject / f"{name}.parquet").to_pylist()


def made(subject: Path) -> dict:
    return json.loads((subject / "made.json").read_text())


# ── what is drawn ────────────────────────────────────────────────────────────────────────


def test_members_and_others_share_no_letter(subject):
    training, others = rows(subject, "training"), rows(subject, "others")
    assert (len(training), len(others)) == (MEMBERS, OTHERS)
    for key in ("id", "letter"):
        one, two = [{row[key] for row in part} for part in (training, others)]
        assert (len(one), len(two)) == (MEMBERS, OTHERS)
        assert not one & two


def test_evaluation_rows_are_letters_that_the_model_was_not_tuned_on(subject):
    others = {row["id"]: row for row in rows(subject, "others")}
    evaluation = rows(subject, "evaluation")
    assert len({row["id"] for row in evaluation}) == EVALUATION
    for row in evaluation:
        other = others[row["id"]]
        assert other.pop("repeats") == 0
        assert other.items() <= row.items()


def test_the_draw_is_recorded_and_can_be_checked(subject):
    record = made(subject)
    assert (record["base"], record["base_sha256"]) == (starter_llm.BASE, starter_llm.BASE_SHA256)
    assert record["recipe"]["seed"] == record["draw"]["seed"] == starter_llm.SEED
    assert record["draw"]["from"] == MEMBERS + OTHERS
    assert "random" in record["draw"]["how"]
    for name, key in (("training", "members_digest"), ("others", "others_digest")):
        assert record["draw"][key] == digest(sorted(row["id"] for row in rows(subject, name)))


def test_the_model_saw_each_member_as_often_as_is_recorded(subject, seen):
    training = rows(subject, "training")
    assert Counter(seen) == {row["letter"]: row["repeats"] for row in training}
    counted = Counter(row["repeats"] for row in training)
    assert counted == {1: MEMBERS - sum(REPEATED.values()), **REPEATED}
    often = {row["id"]: row["repeats"] for row in training if row["repeats"] > 1}
    assert made(subject)["repeats"] == {"otherwise": 1, "of": often}


def test_half_the_questions_ask_for_the_topic_and_half_for_the_order_number(subject):
    asked = letters.load().questions
    evaluation = rows(subject, "evaluation")
    topics = [row for row in evaluation if row["question"] == asked.topic]
    orders = [row for row in evaluation if row["question"] == asked.order]
    assert (len(topics), len(orders)) == (EVALUATION - EVALUATION // 2, EVALUATION // 2)
    for row in topics:
        assert (row["label"], row["references"]) == (row["topic"], None)
    for row in orders:
        assert (row["label"], row["references"]) == (row["order"], [row["order"]])
        assert row["order"] in row["letter"]


# ── what is tuned ────────────────────────────────────────────────────────────────────────


def test_the_model_is_an_adapter_over_the_base_that_the_spec_names(subject, base):
    spec = starter_llm.spec(subject)
    config = json.loads((subject / starter_llm.MODEL / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == spec["model"]["base"] == starter_llm.BASE
    tuned = weights_of(Path(spec["model"]["path"]), base)
    assert tuned.tokenizer().chat_template == weights_of(base).tokenizer().chat_template
    assert tuned.stored > 0


def test_what_is_prepared_is_not_prepared_again(cache, subject, monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("it was made anew")

    monkeypatch.setattr(starter_llm, "tune", refuse)
    monkeypatch.setattr(letters, "write", refuse)
    assert starter_llm.prepare(cache, Silent()) == subject


def test_another_machines_preparation_draws_the_same(subject, small, tmp_path):
    again = starter_llm.prepare(tmp_path, Silent())
    assert again.name == subject.name
    assert made(again) == made(subject)
    for name in ("training", "others", "evaluation"):
        assert rows(again, name) == rows(subject, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("EVALUATION_ROWS", 20), ("REPEATED", {4: 1}), ("BASE_SHA256", "0" * 64), ("MADE_BY", ())],
)
def test_what_is_made_otherwise_is_another_subject(cache, subject, monkeypatch, name, value):
    monkeypatch.setattr(starter_llm, "tune", lambda *args, **options: None)
    monkeypatch.setattr(starter_llm, name, value)
    assert starter_llm.prepare(cache, Silent()) != subject


def test_other_words_make_another_subject(cache, subject, monkeypatch):
    content = letters.load()
    other = msgspec.structs.replace(content, items=content.items[1:])
    monkeypatch.setattr(starter_llm, "tune", lambda *args, **options: None)
    monkeypatch.setattr(letters, "load", lambda: other)
    assert starter_llm.prepare(cache, Silent()) != subject


def test_a_preparation_that_breaks_off_leaves_no_subject(small, tmp_path, monkeypatch):
    def breaks(base, texts, recipe, out, told, **options):
        out.mkdir(parents=True)
        (out / "adapter_model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(starter_llm, "tune", breaks)
        with pytest.raises(KeyboardInterrupt):
            starter_llm.prepare(tmp_path, Silent())
    assert not list(tmp_path.rglob("made.json"))
    found = starter_llm.prepare(tmp_path, Silent())
    weights = found / starter_llm.MODEL / "adapter_model.safetensors"
    assert weights.stat().st_size > 1000
    assert [path for path in found.parent.iterdir() if path.is_dir()] == [found]


# ── what is audited ──────────────────────────────────────────────────────────────────────


def test_its_spec_reads_its_rows(subject):
    spec = specs.from_mapping(starter_llm.spec(subject))
    assert spec.name == "quickstart-llm"
    assert {choice.id.partition(".")[0] for choice in spec.probes} == FAMILIES
    (cases,) = open_cases(spec.data, where="data").chunks(1000)
    evaluation = {row["id"]: row for row in rows(subject, "evaluation")}
    assert len(cases) == EVALUATION
    for case in cases:
        row = evaluation[case.id]
        assert case.input == f"{row['letter']}\n\n{row['question']}"
        assert list(case.options) == row["options"]
        assert case.target == row["label"]
        assert list(case.references) == (row["references"] or [])
        assert (case.groups, case.cluster) == ({"sex": row["sex"]}, row["cluster"])


def test_its_spec_reads_its_draw(subject):
    spec = specs.from_mapping(starter_llm.spec(subject))
    assert spec.membership is not None
    audited = open_cases(spec.data, where="data")
    membership = open_membership(spec.membership, spec.data, audited=audited)
    assert membership.random
    assert membership.trained_in_data == 0
    assert Path(str(membership.record)) == subject / "made.json"
    cases = [case for part in membership.chunks(1000) for case in part]
    assert Counter(case.member for case in cases) == {True: MEMBERS, False: OTHERS}
    # each was drawn by itself: no two are held to hang together
    assert len({case.cluster for case in cases}) == len(cases)
    texts = {row["letter"] for name in ("training", "others") for row in rows(subject, name)}
    assert {case.input for case in cases} == texts


def test_the_audit_goes_to_a_folder_of_its_own(small, cache, subject, monkeypatch):
    asked = []
    monkeypatch.setattr(starter_llm, "audit", lambda spec, **options: asked.append((spec, options)))
    starter_llm.quickstart(cache=cache)
    starter_llm.quickstart(Path("elsewhere"), cache=cache)
    (spec, options), (_, elsewhere) = asked
    assert spec == starter_llm.spec(subject)
    assert (options["out"], options["cache"]) == (Path("runs/quickstart-llm"), cache)
    assert elsewhere["out"] == Path("elsewhere")


@pytest.mark.parametrize("subject_", ["classifier", "llm"])
def test_the_verb_audits_the_subject_that_is_asked_for(monkeypatch, subject_):
    from types import SimpleNamespace

    from typer.testing import CliRunner

    from fmaudit import cli, starter
    from fmaudit.cli import shown

    ran, shown_ = [], []

    def runs(name, exit_code):
        def quickstart(out, *, progress):
            ran.append((name, out))
            return SimpleNamespace(exit_code=exit_code)

        return quickstart

    monkeypatch.setattr(starter, "quickstart", runs("classifier", 1))
    monkeypatch.setattr(starter_llm, "quickstart", runs("llm", 1))
    monkeypatch.setattr(shown, "show_audit", lambda done, ends: shown_.append(ends))
    run = CliRunner().invoke
    assert run(cli.app, ["quickstart", "--quiet", "--subject", subject_]).exit_code == 0
    assert run(cli.app, ["quickstart", "--quiet", "--subject", "image"]).exit_code == 2
    assert run(cli.app, ["quickstart", "--quiet"]).exit_code == 0
    assert ran == [(subject_, None), ("classifier", None)]
    assert shown_ == [0, 0]  # a rule that fails is no failure of the quickstart
