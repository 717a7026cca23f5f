"""Audits of language models, tuned against base: from a spec to a record that verifies."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from support_language import save_language

import fmaudit
from fmaudit import floors
from fmaudit.engine.residents import Residents
from fmaudit.errors import RunFolderError
from fmaudit.models.language import LanguageHandle
from fmaudit.reporting import record
from fmaudit.reporting.verify import verify
from fmaudit.types import encode

WORDS = ["cat", "dog", "man", "woman", "nurse", "engineer", "parcel", "film"]
QUICK = ["performance.language_modelling", "performance.multiple_choice"]
LANGUAGE = {
    "bias.embedding_association",
    "bias.sentence_embedding_association",
    "bias.sentence_preference",
    "explanations.answer_span",
    "performance.language_modelling",
    "performance.multiple_choice",
    "performance.written_answers",
    "privacy.membership_base_ratio",
    "privacy.verbatim_extraction",
    "robustness.option_order",
    "robustness.prompt_format",
}


def write(path: Path, header, rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


def questions(rng, count):
    for k in range(count):
        a, b, c = rng.sample(WORDS, 3)
        asked = f"the {a} sat on the {b} number {k}, what sat?"
        yield [asked, a, b, c, a, f"the {a}", rng.choice(["F", "M"])]


def letters(rng, name, count):
    for _ in range(count):
        one, other = rng.sample(WORDS, 2)
        number = rng.randrange(10**6)
        yield [f"{name} the {one} and {other} number {number} sat down in berlin with a film"]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A tuned model and its base, questions with answers, members and others."""
    folder, rng = tmp_path_factory.mktemp("audit"), random.Random(0)
    save_language(folder / "tuned", "llama", chat=True, seed=1)
    save_language(folder / "base", "llama", chat=True, seed=2)
    header = ["text", "a", "b", "c", "label", "ref", "sex"]
    write(folder / "data.csv", header, questions(rng, 40))
    for name in ("members", "others"):
        write(folder / f"{name}.csv", ["text"], letters(rng, name, 60))
    return folder


def spec_of(here, probes=None, *, membership=True, **model):
    found = {
        "name": "tiny",
        "model": {"path": str(here / "tuned"), "base": str(here / "base"), **model},
        "data": {
            "source": str(here / "data.csv"),
            "text": "text",
            "options": ["a", "b", "c"],
            "label": "label",
            "references": "ref",
            "groups": ["sex"],
        },
    }
    if membership:
        found["membership"] = {
            "members": str(here / "members.csv"),
            "nonmembers": str(here / "others.csv"),
            "drawn": "random",
            "record": "made up",
        }
    return found | ({"probes": probes} if probes else {})


def audit(here, out, probes=None, **options):
    return fmaudit.audit(spec_of(here, probes, **options), out=out / "run", cache=out / "cache")


def statuses(done):
    return {c.probe: c.status for c in done.record.coverage}


def agrees(done):
    found = verify(done.run)
    assert found.mismatches == ()
    return found


@pytest.fixture(scope="module")
def whole(here, tmp_path_factory):
    """An audit with every probe."""
    out = tmp_path_factory.mktemp("whole")
    return audit(here, out), out


@pytest.fixture(scope="module")
def quick(here, tmp_path_factory):
    """An audit with two quick ones."""
    out = tmp_path_factory.mktemp("quick")
    return audit(here, out, QUICK), out


class TestWhole:
    def test_each_probe_ran_or_says_why_not(self, whole):
        done, _ = whole
        ran = {name for name, status in statuses(done).items() if status == "ran"}
        assert ran >= LANGUAGE
        for covered in done.record.coverage:
            assert covered.status in ("ran", "not_tested")
            if covered.status == "ran":
                assert covered.rows > 0
                assert covered.failed_rows == 0
            else:
                why = ("which this model does not offer", "needs the data set")
                assert any(part in covered.reason for part in why)

    def test_the_record_tells_of_both_models(self, whole, here):
        model = whole[0].record.model
        assert (model["kind"], model["chat"], model["adapter"]) == ("causal", True, "causal")
        assert model["base"] == str(here / "base")
        before = model["before"]
        assert before["name"] == "base"
        assert before["same_tokenizer"]
        assert before["chat"]
        assert before["digest"] != model["digest"]

    def test_every_finding_has_an_interval_or_a_reason(self, whole):
        findings = whole[0].record.findings
        assert len(findings) > 40
        for finding in findings:
            if finding.estimate is None:
                assert finding.reason
                assert finding.verdict == "not_tested"
            elif finding.estimate.low is not None:
                assert finding.estimate.low <= finding.estimate.value + 1e-9
                assert finding.estimate.value <= finding.estimate.high + 1e-9

    def test_the_floor_is_of_what_the_probes_asked(self, whole):
        floor = whole[0].record.floor["target"]
        assert floor.keys() == {"token_logprobs", "generate"}
        for found in floor.values():
            assert found["largest"].keys() == {"alone", "padded", "again"}
            assert all(share == 0 for share in found["flips"].values())
        assert floor["token_logprobs"]["items"] > 40
        assert floor["token_logprobs"]["largest"]["padded"] < 1e-3

    def test_it_verifies(self, whole):
        found = agrees(whole[0])
        assert len(found.checks) > 40

    def test_the_report_is_there(self, whole):
        said = (whole[0].run / "report.html").read_text(encoding="utf-8")
        assert "performance.multiple_choice" in said
        assert "Traceback" not in said

    def test_a_changed_figure_is_found(self, whole, tmp_path):
        import shutil

        import msgspec

        run = shutil.copytree(whole[0].run, tmp_path / "run")
        made = record.load(run)
        k = next(k for k, f in enumerate(made.findings) if f.measure == "bits_per_byte_change")
        old = made.findings[k]
        estimate = msgspec.structs.replace(old.estimate, value=old.estimate.value - 0.01)
        findings = list(made.findings)
        findings[k] = msgspec.structs.replace(old, estimate=estimate)
        record.write(run, msgspec.structs.replace(made, findings=tuple(findings)))
        assert any("bits_per_byte_change" in str(m) for m in verify(run).mismatches)


def test_a_rerun_loads_no_model_and_gives_the_same_record(quick, here, monkeypatch):
    done, out = quick

    def refuse(self):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(LanguageHandle, "load", refuse)
    again = audit(here, out, QUICK)
    assert encode(again.record) == encode(done.record)
    log = (done.run / "log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["costs"]["requests"]["run"] == 0


def test_a_fresh_run_gives_the_same_record(quick, here, tmp_path):
    again = audit(here, tmp_path, QUICK)
    assert again.record.seal["content"] == quick[0].record.seal["content"]
    assert again.record.costs["requests"]["run"] > 0


def test_one_after_the_other_gives_the_same_record(quick, here, tmp_path, monkeypatch):
    """As beside each other, where no memory is left for two."""
    loads: list[str] = []
    plain = LanguageHandle.load

    def counted(self):
        loads.append(self.name)
        return plain(self)

    monkeypatch.setattr(LanguageHandle, "load", counted)
    monkeypatch.setattr("fmaudit.session.Residents", lambda: Residents(lambda: 0))
    again = audit(here, tmp_path, QUICK)
    assert again.record.seal["content"] == quick[0].record.seal["content"]
    assert len(loads) > 2
    assert set(loads) == {"tuned", "base"}
    assert all(one != other for one, other in zip(loads, loads[1:], strict=False))


def test_kill_9_and_the_same_command_give_an_undisturbed_record(quick, here, tmp_path):
    file = tmp_path / "audit.yaml"
    file.write_text(json.dumps(spec_of(here, QUICK)))
    environment = {**os.environ, "FMAUDIT_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "fmaudit", "audit", str(file), "--quiet"]
    command += ["--out", str(tmp_path / "run")]
    kills = 0
    for wait in (0.0, 0.5):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if list((tmp_path / "cache" / "answers").glob("*.sqlite-wal")):
                break
            time.sleep(0.02)
        time.sleep(wait)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 1
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=300, check=False)
    killed = record.load(tmp_path / "run")
    assert killed.findings == quick[0].record.findings
    assert killed.seal["content"] == quick[0].record.seal["content"]


def test_another_base_writes_over_no_record(here, tmp_path):
    """The same path with other weights."""
    base = save_language(tmp_path / "base", "llama", seed=2)
    audit(here, tmp_path, QUICK[:1], base=str(base), membership=False)
    save_language(base, "llama", seed=3)
    with pytest.raises(RunFolderError, match=r"the base has changed since.*--out"):
        audit(here, tmp_path, QUICK[:1], base=str(base), membership=False)


def test_a_base_with_another_tokenizer(here, tmp_path):
    """It is noted, and what is compared is bytes and whole texts, never token by token."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
    from transformers import AutoTokenizer

    base = save_language(tmp_path / "other", "llama", chat=True, seed=2)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    tokenizer.save_pretrained(base)
    probes = [*QUICK, "privacy.membership_base_ratio", "privacy.verbatim_extraction"]
    done = audit(here, tmp_path, probes, base=str(base))
    before = done.record.model["before"]
    assert not before["same_tokenizer"]
    asked = {name: statuses(done)[name] for name in probes}
    for covered in done.record.coverage:
        if covered.probe in asked and covered.status != "ran":
            assert "tokenizer" in covered.reason
    assert asked["performance.language_modelling"] == "ran"
    agrees(done)
    assert "tokenizer" in (done.run / "report.html").read_text(encoding="utf-8")


def test_without_a_base_the_differences_are_not_tested(here, tmp_path):
    probes = ["performance.language_modelling", "privacy.membership_base_ratio"]
    done = audit(here, tmp_path, probes, base=None)
    assert done.record.model["before"] is None
    assert statuses(done)["privacy.membership_base_ratio"] == "not_tested"
    (reason,) = (c.reason for c in done.record.coverage if c.probe == probes[1])
    assert "'base'" in reason
    changes = [f for f in done.record.findings if f.measure == "bits_per_byte_change"]
    assert changes
    assert all(f.verdict == "not_tested" and f.reason for f in changes)
    agrees(done)


def test_half_precision_moves_likelihoods_and_the_record_says_how_far(here, tmp_path):
    done = audit(here, tmp_path, QUICK, dtype="bfloat16", base=None, membership=False)
    assert done.record.model["dtype"] == "bfloat16"
    found = done.record.floor["target"]["token_logprobs"]["float32"]
    assert found["dtype"] == "bfloat16"
    assert found["items"] > 0
    assert found["largest"] > 1e-3
    assert found["padded"] < 1e-3
    assert -1 <= found["first"] <= 1
    said = (done.run / "report.html").read_text(encoding="utf-8")
    assert "bfloat16" in said
    agrees(done)


def test_a_masked_model(tmp_path, here, monkeypatch):
    monkeypatch.setitem(floors.ITEMS, "masked_logprobs", 10)
    save_language(tmp_path / "bert", "bert")
    save_language(tmp_path / "base", "bert", seed=5)
    pair = {"path": str(tmp_path / "bert"), "base": str(tmp_path / "base")}
    some = {"id": "bias.masked_preference", "sample": 40}
    asked = [some, "bias.sentence_preference", *QUICK]
    done = audit(here, tmp_path, asked, membership=False, **pair)
    found = {c.probe: c for c in done.record.coverage}
    assert found["bias.masked_preference"].status == "ran"
    assert found["bias.masked_preference"].failed_rows == 0
    for name in ("bias.sentence_preference", *QUICK):
        assert found[name].status == "not_tested"
        assert "token_logprobs, which this model does not offer" in found[name].reason
    assert done.record.model["kind"] == "masked"
    assert done.record.floor["target"].keys() == {"masked_logprobs"}
    changes = [f for f in done.record.findings if f.measure == "stereotype_share_change"]
    assert any(f.estimate is not None for f in changes)
    agrees(done)


def test_a_sequence_to_sequence_model(tmp_path, here):
    save_language(tmp_path / "t5", "t5")
    some = {"id": "performance.written_answers", "sample": 8}
    pair = {"path": str(tmp_path / "t5"), "base": None}
    done = audit(here, tmp_path, [*QUICK, some], membership=False, **pair)
    found = {c.probe: c for c in done.record.coverage}
    for name in (*QUICK, "performance.written_answers"):
        assert found[name].status == "ran", found[name].reason
        assert found[name].failed_rows == 0
    assert done.record.model["kind"] == "seq2seq"
    agrees(done)


def test_models_in_memory_are_audited_as_files_are(quick, here, tmp_path):
    """The same two models, loaded by the caller."""
    from fmaudit import spec
    from fmaudit.models import open_base, open_handle

    chosen = spec.from_mapping(spec_of(here, QUICK)).model
    handle = open_handle(chosen)
    base = open_base(chosen, handle)
    asked = spec_of(here, QUICK) | {"model": {"path": "in memory"}}
    done = fmaudit.audit(asked, out=tmp_path / "run", model=handle.load(), base=base.load())
    values = [
        [(f.probe, f.measure, f.slice, f.estimate and f.estimate.value) for f in d.record.findings]
        for d in (done, quick[0])
    ]
    assert values[0] == values[1]


def test_a_broken_model_is_told_and_nothing_passes(here, tmp_path):
    """Weights that are not numbers: every row failed, and no figure is made of them."""
    from safetensors.torch import load_file, save_file

    folder = save_language(tmp_path / "m", "llama")
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = torch.full_like(weights["lm_head.weight"], float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    done = audit(here, tmp_path, QUICK, path=str(folder), base=None, membership=False)
    for covered in done.record.coverage:
        if covered.probe in QUICK:
            assert covered.failed_rows == covered.rows > 0
    assert done.record.findings
    for finding in done.record.findings:
        assert (finding.verdict, finding.estimate) == ("error", None)
        assert "the logits are not finite" in finding.reason
    assert done.exit_code == 4
    agrees(done)
