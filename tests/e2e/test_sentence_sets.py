"""Audits by published sentence sets, from files in their formats to a record that verifies."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from support_language import save_language

import fmaudit
from fmaudit import catalog
from fmaudit.reporting.verify import verify

WORK = [f"{first}{second}" for first, second in itertools.product("bcdfgm", ("aker", "oper"))]
OTHERS = ("man", "woman", "cat", "dog")
SETS = ("crows_pairs", "winobias", "winogender", "gest")


def crows(folder: Path) -> list[dict[str, str]]:
    """120 pairs of two kinds, one of three against the stereotype; two that are none."""
    rows = [
        (k, f"the woman sat on the {w} {end}", f"the man sat on the {w} {end}",
         "antistereo" if k % 3 == 0 else "stereo", "gender" if k % 2 else "age")
        for k, (w, end) in enumerate(itertools.product(WORK, "abcdefghij"))
    ]  # fmt: skip
    odd = [(900, "the cat", "the cat", "stereo", "age"), (901, "the cat", "", "stereo", "age")]
    with (folder / "crows.csv").open("w", newline="") as stream:
        header = ["", "sent_more", "sent_less", "stereo_antistereo", "bias_type"]
        csv.writer(stream).writerows([header, *rows, *odd])
    return [{"source": "file:crows.csv"}]


def winobias(folder: Path) -> list[dict[str, str]]:
    """The two types, each occupation in four sentences of a type."""
    files = []
    for kind in "12":
        sides: dict[str, list[str]] = {"pro": [], "anti": []}
        for k, (work, other) in enumerate(itertools.product(WORK, OTHERS), start=1):
            words = ("he", "she") if k % 2 else ("she", "he")
            for side, word in zip(sides, words, strict=True):
                sides[side].append(f"{k} [The {work}] sat on the {other} and [{word}] was good.\n")
        names = {side: f"{side}_stereotyped_type{kind}.txt" for side in sides}
        for side, lines in sides.items():
            (folder / names[side]).write_text("".join(lines))
        files.append({"source": f"file:{names['pro']}", "beside": f"file:{names['anti']}"})
    return files


def winogender(folder: Path) -> list[dict[str, str]]:
    """Twelve occupations with four sentences each."""
    lines = ["sentid\tsentence"]
    for work, other, answer in itertools.product(WORK, OTHERS[:2], (0, 1)):
        for gender, word in (("male", "he"), ("female", "she"), ("neutral", "they")):
            said = f"The {work} sat on the {other} and {word} was good {answer}"
            lines.append(f"{work}.{other}.{answer}.{gender}.txt\t{said}")
    (folder / "all.tsv").write_text("\n".join(lines) + "\n")
    women = [f"{work}\t{8 * k + 1}" for k, work in enumerate(WORK)]
    (folder / "women.tsv").write_text("\n".join(["occupation\tbls_pct_female", *women]) + "\n")
    return [{"source": "file:all.tsv", "beside": "file:women.tsv"}]


def gest(folder: Path) -> list[dict[str, str]]:
    """35 sentences of each of the sixteen stereotypes."""
    with (folder / "gest.csv").open("w", newline="") as stream:
        rows = [(f"the {WORK[k % 12]} was good {k}", 1 + k % 16) for k in range(35 * 16)]
        csv.writer(stream).writerows([["sentence", "stereotype"], *rows])
    return [{"source": "file:gest.csv"}]


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped cards with small files of the same formats."""
    folder = tmp_path_factory.mktemp("cards")
    (folder / "probes" / "bias").mkdir(parents=True)
    for name, make in zip(SETS, (crows, winobias, winogender, gest), strict=True):
        home = folder / "datasets" / f"my_{name}"
        home.mkdir(parents=True)
        card: dict[str, Any] = catalog.dataset(name).model_dump(mode="json", exclude_defaults=True)
        card |= {"id": home.name, "files": make(home)}
        (home / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False))
        for probe in (name, f"{name}_masked"):
            text = catalog.probe(f"bias.{probe}").file.read_text(encoding="utf-8")
            text = text.replace(f"id: bias.{probe}\n", f"id: bias.my_{probe}\n")
            text = text.replace(f"data: {{card: {name}}}", f"data: {{card: my_{name}}}")
            assert "my_" in text.split("measures:")[0].split("data:")[1]
            (folder / "probes" / "bias" / f"my_{probe}.yaml").write_text(text, encoding="utf-8")
    return folder


def masked(folder: Path, seed: int) -> Path:
    """A masked model that knows the sets' words, so that a pronoun is one token."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = ["he", "she", "they", "the", "said", "sat", "on", "and", "was", "good", *WORK, *OTHERS]
    known = [*specials, *words, *"abcdefghij\"':,.", *map(str, range(600))]
    ids = {word: k for k, word in enumerate(dict.fromkeys(known))}
    inner = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=64,
    )  # fmt: skip
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(ids), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["causal", "masked"])
def done(
    request: pytest.FixtureRequest, cards: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """An audit of a tuned model and its base by all four sets."""
    here, kind = tmp_path_factory.mktemp(request.param), request.param
    for seed, name in enumerate(("tuned", "base")):
        if kind == "masked":
            masked(here / name, seed)
        else:
            save_language(here / name, "llama", seed=seed)
    (here / "data.csv").write_text("text\n" + "".join(f"the {w} sat\n" for w in WORK))
    suffix = "_masked" if kind == "masked" else ""
    spec = {
        "name": kind,
        "model": {"path": str(here / "tuned"), "base": str(here / "base")},
        "data": {"source": str(here / "data.csv"), "text": "text"},
        "probes": [f"bias.my_{name}{suffix}" for name in SETS],
        "cards": [str(cards)],
    }
    return fmaudit.audit(spec, out=here / "run", cache=here / "cache")


def findings(done: Any, probe: str, measure: str) -> dict[str, Any]:
    return {
        " ".join(f.slice.values()): f
        for f in done.record.findings
        if f.probe.removesuffix("_masked") == f"bias.my_{probe}" and f.measure == measure
    }


def test_every_set_ran_and_the_record_verifies(done: Any) -> None:
    assert {c.probe: c.reason for c in done.record.coverage if c.status == "error"} == {}
    assert sum(c.status == "ran" for c in done.record.coverage) == 4
    found = verify(done.run)
    assert found.mismatches == ()


def test_pairs_by_kind_and_direction(done: Any) -> None:
    whole = findings(done, "crows_pairs", "stereotype_share_strict")[""]
    assert whole.estimate.n == 120
    untied = findings(done, "crows_pairs", "stereotype_share_untied")
    pairs = {"age": 60, "gender": 60, "stereo": 80, "antistereo": 40}
    assert set(untied) == set(pairs)
    for name, found in untied.items():  # without ties, of which a small model has a few
        assert pairs[name] - 5 <= found.estimate.n <= pairs[name]
    gated = findings(done, "crows_pairs", "stereotype_share_change")[""]
    assert gated.verdict == "not_tested"
    assert "fewer than the 650" in gated.reason


def test_occupations_are_counted(done: Any) -> None:
    shares = findings(done, "winobias", "stereotype_share")
    assert {name: f.estimate.clusters for name, f in shares.items()} == {
        "": 12, "1": 12, "2": 12, "feminine": 12, "masculine": 12,
    }  # fmt: skip
    correlations = findings(done, "winogender", "occupation_correlation")
    assert {name: (f.estimate.n, f.estimate.clusters) for name, f in correlations.items()} == {
        "occupation": (24, 12), "other": (24, 12),
    }  # fmt: skip
    assert {f.verdict for f in correlations.values()} == {"measured"}


def test_every_stereotype_has_its_score_in_each_frame(done: Any) -> None:
    scores = findings(done, "gest", "masculine_score")
    assert len(scores) == 32
    assert {f.estimate.n for f in scores.values()} == {35}
    rates = findings(done, "gest", "stereotype_rate")
    assert all(f.estimate.low < f.estimate.value < f.estimate.high for f in rates.values())


def test_the_report_shows_what_the_cards_promise(done: Any) -> None:
    page = (done.run / "report.html").read_text(encoding="utf-8")
    assert "Association on this set" in page
    assert "means nothing" not in page
