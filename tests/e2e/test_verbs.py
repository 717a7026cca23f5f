"""Every verb but `audit` and `verify`: what it prints, what it refuses, its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support_cli import refused

from fmaudit import catalog, measured, registry

CARD = {
    "id": "performance.mine",
    "title": "[bold]Mine[/bold]",
    "claim": "A claim.",
    "method": "predictions",
    "measures": [{"measure": "accuracy"}],
    "harm": "A harm.",
    "citation": [{"text": "A paper"}],
}


@pytest.fixture
def mine(tmp_path) -> Path:
    """A folder with a probe card and a dataset card of the user's own."""
    (tmp_path / "mine" / "probes" / "performance").mkdir(parents=True)
    (tmp_path / "mine" / "datasets" / "words").mkdir(parents=True)
    card(tmp_path / "mine")
    (tmp_path / "mine" / "datasets" / "words" / "card.yaml").write_text(
        json.dumps(
            {
                "id": "words",
                "title": "Words",
                "description": "Some words.",
                "licence": "CC0-1.0",
                "kind": "wordlist",
                "citation": [{"text": "Ours"}],
            }
        )
    )
    return tmp_path / "mine"


def card(folder: Path, **changes: object) -> None:
    file = folder / "probes" / "performance" / "mine.yaml"
    file.write_text(json.dumps({**CARD, **changes}))


# ── the whole command line ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_names_every_verb(fmaudit_cli, word):
    said = fmaudit_cli(word)
    assert said.code == 0
    verbs = "quickstart audit report verify probes datasets models schema"
    assert all(verb in said.out for verb in verbs.split())


def test_an_unknown_verb_or_option_is_refused(fmaudit_cli):
    refused(fmaudit_cli("audits"), "audits")
    refused(fmaudit_cli("schema", "findings"), "findings", "record")
    refused(fmaudit_cli("audit", "a.yaml", "--loud"), "--loud")


def test_what_an_interrupted_user_reads(fmaudit_cli, spec, monkeypatch):
    import fmaudit.flow

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(fmaudit.flow, "audit", interrupted)
    said = fmaudit_cli("audit", spec)
    assert said.code == 130
    assert "same command" in said.err
    assert "Traceback" not in said.err


def test_a_run_that_broke_is_4_and_no_users_mistake(fmaudit_cli, spec, monkeypatch, tmp_path):
    import fmaudit.flow
    from fmaudit.errors import DiskFull

    def full(*args, **options):
        raise DiskFull(tmp_path / "answers.sqlite")

    monkeypatch.setattr(fmaudit.flow, "audit", full)
    said = fmaudit_cli("audit", spec)
    assert said.code == 4
    assert "DiskFull" in said.err
    assert "answers.sqlite" in said.err


@pytest.mark.parametrize("verb", ["audit", "verify"])
def test_an_unforeseen_error_is_4_and_said_to_be_a_defect(fmaudit_cli, spec, monkeypatch, verb):
    """1 would say that a rule fails, or that a figure does not verify."""
    import fmaudit.flow
    import fmaudit.reporting.verify

    def broken(*args, **options):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(fmaudit.flow, "audit", broken)
    monkeypatch.setattr(fmaudit.reporting.verify, "verify", broken)
    said = fmaudit_cli(verb, spec)
    assert said.code == 4
    assert "ZeroDivisionError: by nothing" in said.err.splitlines()[-1]
    assert "a defect of fmaudit" in said.err.splitlines()[-1]
    assert "Traceback" in said.err
    assert "in broken" in said.err


# ── probes ───────────────────────────────────────────────────────────────────────────────


def test_probes_list(fmaudit_cli):
    said = fmaudit_cli("probes", "list")
    assert said.code == 0
    assert all(name in said.out for name in catalog.probes())
    bias = fmaudit_cli("probes", "list", "bias").out
    assert "bias.group_outcomes" in bias
    assert "performance" not in bias
    assert all(word in bias for word in ("classifiers", "masked", "language"))  # the models
    assert all(word in bias for word in ("yours", "preference_pairs", "Apache-2.0"))  # the data


def test_probes_list_for_a_kind_of_model(fmaudit_cli):
    done = fmaudit_cli("probes", "list", "bias", "--models", "masked")
    assert done.code == 0
    assert "bias.crows_pairs_masked" in done.out
    assert "bias.sentence_embedding_association" in done.out  # any model with hidden states
    assert "bias.group_outcomes" not in done.out
    assert "bias.bbq" not in done.out


def test_probes_list_of_no_family(fmaudit_cli):
    refused(fmaudit_cli("probes", "list", "bais"), "'bais'", "Did you mean 'bias'")


@pytest.mark.parametrize("name", sorted(catalog.probes()))
def test_probes_show(fmaudit_cli, name):
    said = fmaudit_cli("probes", "show", name)
    assert said.code == 0
    text, _, method = said.out.rpartition("method: ")
    assert yaml.safe_load(text) == catalog.probe(name).model_dump(mode="json")
    card = catalog.probe(name)
    assert method.strip().startswith(registry.load_method(card.method).summary)
    gated = {entry.measure for entry in card.measures if entry.rule}
    if measured.known(card, registry.load_method(card.method)) is None:
        assert ("has not been measured" in method) == bool(gated)
    else:
        assert all(f"{measure} " in method for measure in gated)  # how often each rule errs


def test_probes_show_of_no_probe(fmaudit_cli):
    refused(fmaudit_cli("probes", "show", "bias.group_outcome"), "'bias.group_outcomes'")


def test_probes_check(fmaudit_cli, mine):
    shipped = len(catalog.probes())
    assert f"{shipped} probe cards" in fmaudit_cli("probes", "check").out
    said = fmaudit_cli("probes", "check", mine)
    assert said.code == 0
    assert f"{shipped + 1} probe cards are in order" in said.out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"measures": [{"measure": "acuracy"}]}, ["'acuracy'", "'accuracy'"]),
        ({"measures": [{"measure": "flip_rate"}]}, ["flip_rate"]),
        ({"method": "prediction"}, ["'prediction'", "'predictions'"]),
        ({"params": {"depth": 3}}, ["params: ", "depth"]),
        ({"harms": "x"}, ["harms", "harm"]),
        ({"id": "performance.other"}, ["performance.other", "performance.mine"]),
    ],
)
def test_probes_check_says_what_is_wrong_and_in_which_file(fmaudit_cli, mine, change, words):
    card(mine, **change)
    refused(fmaudit_cli("probes", "check", mine), "mine.yaml", *words)


def test_a_folder_of_cards_that_is_not_there(fmaudit_cli):
    refused(fmaudit_cli("probes", "check", "nowhere"), "nowhere")
    refused(fmaudit_cli("datasets", "check", "nowhere"), "nowhere")


# ── datasets ─────────────────────────────────────────────────────────────────────────────


def test_datasets_list_with_their_licences(fmaudit_cli):
    said = fmaudit_cli("datasets", "list")
    assert said.code == 0
    for name, found in catalog.datasets().items():
        assert name in said.out
        assert found.licence.split()[0] in said.out


def test_datasets_show(fmaudit_cli):
    said = fmaudit_cli("datasets", "show", "adult")
    assert said.code == 0
    assert yaml.safe_load(said.out) == catalog.dataset("adult").model_dump(mode="json")
    refused(fmaudit_cli("datasets", "show", "adlut"), "'adult'")


def test_datasets_check(fmaudit_cli, mine):
    said = fmaudit_cli("datasets", "check", mine)
    assert said.code == 0
    assert f"{len(catalog.datasets()) + 1} dataset cards are in order" in said.out
    (mine / "datasets" / "words" / "card.yaml").write_text("{}")
    refused(fmaudit_cli("datasets", "check", mine), "card.yaml", "licence")


def test_datasets_check_reads_the_digest_of_a_file_at_hand(fmaudit_cli, mine):
    home = mine / "datasets" / "rows"
    home.mkdir()
    (home / "rows.csv").write_text("text,label\na,b\n")
    said = {
        "id": "rows", "title": "Rows", "description": "Rows.", "licence": "mine",
        "citation": [{"text": "me"}], "format": "csv", "columns": {"text": "text"},
        "files": [{"source": "file:rows.csv"}],
    }  # fmt: skip
    (home / "card.yaml").write_text(yaml.safe_dump(said))
    assert "yours: rows" in fmaudit_cli("datasets", "check", mine).out
    said["files"] = [{"source": "file:rows.csv", "sha256": "0" * 64}]
    (home / "card.yaml").write_text(yaml.safe_dump(said))
    refused(fmaudit_cli("datasets", "check", mine), "rows.csv", "put the file back")
    (home / "rows.csv").unlink()
    refused(fmaudit_cli("datasets", "check", mine), "rows.csv")


@pytest.fixture
def shipped(mine, monkeypatch) -> Path:
    """The user's own cards, as if they shipped with the package."""
    roots = catalog.roots
    monkeypatch.setattr(catalog, "roots", lambda extra=(): (mine, *roots(extra)))
    return mine


def test_datasets_fetch_checks_the_digest(fmaudit_cli, shipped):
    (shipped / "rows.csv").write_text("text\nx\n")
    file = shipped / "datasets" / "words" / "card.yaml"
    source = "file:../../rows.csv"
    given = json.loads(file.read_text())
    file.write_text(json.dumps({**given, "files": [{"source": source, "sha256": "0" * 64}]}))
    refused(fmaudit_cli("datasets", "fetch", "words"), "rows.csv", "0" * 64)
    file.write_text(json.dumps({**given, "files": [{"source": source}]}))
    said = fmaudit_cli("datasets", "fetch", "words")
    assert said.code == 0, said.err
    assert Path(said.out.strip()).read_text() == "text\nx\n"


@pytest.fixture
def templates(mine) -> Path:
    """A file of templates, of a card of the user's own."""
    folder = mine / "datasets" / "pairs"
    folder.mkdir()
    card = {
        "id": "pairs",
        "title": "Pairs",
        "description": "Pairs of sentences.",
        "licence": "CC0-1.0",
        "citation": [{"text": "Ours"}],
        "files": [{"source": "file:en.yaml"}],
        "format": "templates",
        "columns": {"options": ["more", "less"], "id": "id"},
    }
    (folder / "card.yaml").write_text(json.dumps(card))
    attribute = {
        "groups": ["woman", "man"],
        "words": {"people": {"slots": ["person"], "rows": [["woman", "man"]]}},
        "templates": {"late": {"about": "woman", "text": "The {person} is late."}},
    }
    file = folder / "en.yaml"
    file.write_text(json.dumps({"language": "en", "attributes": {"gender": attribute}}))
    return file


def test_datasets_check_opens_template_files(fmaudit_cli, mine, templates):
    said = fmaudit_cli("datasets", "check", mine)
    assert said.code == 0, said.err
    assert f"{len(catalog.datasets()) + 2} dataset cards are in order" in said.out
    good = templates.read_text()
    templates.write_text(good.replace("{person}", "{persno}"))
    refused(fmaudit_cli("datasets", "check", mine), "en.yaml", "'persno'", "'person'")
    templates.write_text(good.replace('"language"', "language: {"))
    refused(fmaudit_cli("datasets", "check", mine), "en.yaml")
    templates.rename(templates.with_name("fr.yaml"))
    refused(fmaudit_cli("datasets", "check", mine), "pairs/card.yaml", "en.yaml", "no such file")


def test_datasets_check_reads_the_columns_of_templates(fmaudit_cli, mine, templates):
    file = templates.with_name("card.yaml")
    file.write_text(file.read_text().replace('"less"', '"lesser"'))
    refused(fmaudit_cli("datasets", "check", mine), "card.yaml", "'lesser'", "'less'")


def test_datasets_check_fetches_nothing(fmaudit_cli, mine, templates):
    """Templates that lie elsewhere are read once they are fetched."""
    file = templates.with_name("card.yaml")
    file.write_text(file.read_text().replace("file:en.yaml", "hub:nobody/nothing#en.yaml"))
    assert fmaudit_cli("datasets", "check", mine).code == 0


# ── schema ───────────────────────────────────────────────────────────────────────────────


def test_schema_of_the_spec_is_the_default(fmaudit_cli):
    said = fmaudit_cli("schema")
    found = json.loads(said.out)
    assert (said.code, said.out) == (0, fmaudit_cli("schema", "spec").out)
    assert set(found["required"]) == {"model", "data"}
    assert {"name", "probes", "seed", "evidence"} <= set(found["properties"])
    assert found["additionalProperties"] is False


def test_schema_of_the_record(fmaudit_cli):
    said = fmaudit_cli("schema", "record")
    assert said.code == 0
    found = json.loads(said.out)
    record = found["$defs"]["AuditRecord"]
    assert {"findings", "coverage", "seal", "schema"} <= set(record["properties"])
    assert "verdict" in found["$defs"]["Finding"]["required"]


# ── report ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def brief(spec) -> Path:
    """A spec of one family over a few rows."""
    text = spec.read_text().replace("[performance, bias]", "[performance]")
    spec.write_text(text.replace("race]}", "race], limit: 40}"))
    return spec


def test_report_writes_the_same_page_again_without_a_model(fmaudit_cli, brief, tmp_path):
    audited = fmaudit_cli("audit", brief, "--quiet")
    assert audited.code in (0, 1, 3)
    assert audited.err == ""
    page = tmp_path / "runs" / "audit" / "report.html"
    assert "report.html" in audited.out
    before = page.read_bytes()
    page.unlink()
    moved = (tmp_path / "runs" / "audit").rename(tmp_path / "kept")
    (tmp_path / "people.csv").unlink()
    said = fmaudit_cli("report", moved)
    assert said.code == 0
    assert said.out.strip() == str(moved / "report.html")
    assert (moved / "report.html").read_bytes() == before


def test_progress_goes_to_standard_error_and_results_do_not(fmaudit_cli, brief):
    said = fmaudit_cli("audit", brief)
    assert "estimating" in said.err
    assert "estimating" not in said.out
    assert "report.html" in said.out
    assert "report.html" not in said.err


def test_report_of_a_run_that_is_not_there_names_those_near_by(fmaudit_cli, tmp_path):
    (tmp_path / "runs" / "audit").mkdir(parents=True)
    (tmp_path / "runs" / "audit" / "audit.json").write_text("{}")
    refused(fmaudit_cli("report", "runs/audti"), "Did you mean", "runs/audit")


def test_brackets_in_a_card_are_shown_as_they_are(fmaudit_cli, shipped):
    card(shipped, title="A [bold]title[/bold]")
    assert "[bold]title[/bold]" in fmaudit_cli("probes", "list", "performance").out
