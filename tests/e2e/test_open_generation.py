"""Whole audits by the probes of written texts and descriptors, on rules in place of weights."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

import fmaudit
from fmaudit import catalog
from fmaudit.models.fakes import FakeClassifier, FakeLanguage
from fmaudit.reporting.verify import verify

WORDS = ("kind", "rude", "stupid", "calm", "wonderful", "criminal", "happy", "sad")


def unit(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def writes(key: str) -> Any:
    return lambda prompt: f"was {WORDS[int(8 * unit(key + prompt))]} and went home"


def likelihood(key: str) -> Any:
    return lambda before, word: -0.1 - 6 * unit(key + before[-20:] + word)


def model(key: str, *, masked: bool = False) -> FakeLanguage:
    fills = lambda text: [(w, -1.0 - k) for k, w in enumerate(WORDS) if unit(key + text + w) > 0.3]  # noqa: E731
    return FakeLanguage(likelihood(key), writes(key), key=key, masked=masked, fills=fills)


def audit(
    folder: Path, probes: list[Any], cards: Path | None = None, **models: Any
) -> fmaudit.Audit:
    asked = {
        "cards": [str(cards)] if cards else [],
        "name": "open",
        "model": {"path": "set below", "adapter": "fake"},
        "data": {"card": "preference_pairs", "split": "en", "limit": 40},
        "probes": probes,
    }
    return fmaudit.audit(asked, out=folder / "run", cache=folder / "cache", **models)


LANGUAGE = (
    "bias.counterfactual_answers",
    "bias.descriptor_likelihood",
    "bias.stereotype_agreement",
    "bias.written_about_groups",
)


def test_language_models(tmp_path: Path) -> None:
    done = audit(tmp_path, list(LANGUAGE), model=model("tuned"), base=model("base"))
    assert not verify(done.run).mismatches
    gated = {f.probe: f for f in done.record.findings if f.rule is not None}
    assert set(gated) == set(LANGUAGE)
    for found in gated.values():
        assert found.estimate is not None, found.reason
        assert found.estimate.low < found.estimate.value < found.estimate.high
        assert found.verdict in ("pass", "fail", "inconclusive")
    assert set(done.record.model["scorers"]) == {"negative_sentiment", "refusal", "toxicity"}
    errs = [f for f in done.record.findings if f.measure == "scorer_auroc"]
    assert len(errs) == 6
    assert all(0.6 < f.estimate.value < 1 for f in errs if f.estimate)
    page = (done.run / "report.html").read_text()
    assert "list:scorer_words/toxicity" in page


def test_without_a_base_nothing_is_gated_but_the_flips(tmp_path: Path) -> None:
    done = audit(tmp_path, list(LANGUAGE), model=model("tuned"))
    assert not verify(done.run).mismatches
    tested = {f.probe for f in done.record.findings if f.rule and f.verdict != "not_tested"}
    assert tested == {"bias.counterfactual_answers"}
    assert any(f.measure == "descriptor_spread" and f.estimate for f in done.record.findings)


def test_published_sets(tmp_path: Path, cards: Path) -> None:
    probes = ["bias.my_honest", "bias.my_bold"]
    done = audit(tmp_path, probes, cards, model=model("tuned"), base=model("base"))
    assert not verify(done.run).mismatches
    assert all(f.estimate for f in done.record.findings if f.rule)


def test_masked_models_fill_the_places(tmp_path: Path, cards: Path) -> None:
    models = {"model": model("tuned", masked=True), "base": model("base", masked=True)}
    done = audit(tmp_path, ["bias.my_honest_masked"], cards, **models)
    assert not verify(done.run).mismatches
    (gated,) = (f for f in done.record.findings if f.rule)
    assert gated.estimate is not None
    assert gated.estimate.n > 400


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """The shipped cards with small files of the same formats."""
    folder = tmp_path / "cards"
    (folder / "probes" / "bias").mkdir(parents=True)
    home = folder / "datasets"
    (home / "my_honest" / "binary").mkdir(parents=True)
    lines = ["template_masked\traw\tidentity\tnumber\tcategory\ttype"]
    for k in range(70):
        for who, category in (("woman", "female"), ("man", "male")):
            lines.append(f"the {who} is {k} [M].\t[I] is {k} [M]\t{who}\tone\t{category}\tjob")
    (home / "my_honest/binary/en_template.tsv").write_text("\n".join(lines) + "\n")
    (home / "my_bold").mkdir()
    groups = {g: {f"{g}{k}": [f"{g} {k} is"] for k in range(40)} for g in ("actors", "actresses")}
    (home / "my_bold/gender_prompt.json").write_text(json.dumps(groups))
    files = {"honest": "binary/en_template.tsv", "bold": "gender_prompt.json"}
    for name, file in files.items():
        card: dict[str, Any] = catalog.dataset(name).model_dump(mode="json", exclude_defaults=True)
        card |= {"id": f"my_{name}", "files": [{"source": f"file:{file}"}]}
        (home / f"my_{name}" / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False))
    for probe in ("honest", "honest_masked", "bold"):
        text = catalog.probe(f"bias.{probe}").file.read_text(encoding="utf-8")
        text = text.replace(f"id: bias.{probe}\n", f"id: bias.my_{probe}\n")
        text = text.replace("data: {card: ", "data: {card: my_")
        (folder / f"probes/bias/my_{probe}.yaml").write_text(text, encoding="utf-8")
    return folder


def turning(text: str) -> list[float]:
    """A classifier that decides against Lakisha, and else by the text's length."""
    if any(name in text for name in ("Lakisha", "Tamika", "Jamal", "Darnell")):
        return [0.0, -4.0]
    return [0.0, math.sin(len(text))]


def test_a_classifier_on_texts_about_groups(tmp_path: Path) -> None:
    done = audit(tmp_path, ["bias.counterfactual_texts"], model=FakeClassifier(turning, key="turn"))
    assert not verify(done.run).mismatches
    found = {(f.measure, *f.slice.values()): f for f in done.record.findings}
    assert found["excess_flip_rate",].estimate is not None
    apart = found["score_distance", "ethnic_names_of_women"].estimate
    assert apart is not None
    assert apart.value > 0
    assert "permutation_p" in apart.details
