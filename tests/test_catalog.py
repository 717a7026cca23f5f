from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmaudit import catalog
from fmaudit.cards import ProbeCard
from fmaudit.errors import SpecError, UnknownName, UserError
from fmaudit.spec import PolicyRule, ProbeChoice

CARD: dict[str, Any] = {
    "id": "toys.first",
    "title": "A first toy",
    "claim": "Nothing changes.",
    "method": "predictions",
    "params": {"words": "list:toy_words/en", "deep": [{"same": "list:toy_words/en"}], "n": 3},
    "measures": [
        {"measure": "flips", "over": ["attributes"], "rule": {"op": "<=", "value": 0.1}},
        {"measure": "flips", "over": ["crossed", "all"], "minimum_n": 50},
        {"measure": "accuracy", "over": ["all", "groups"]},
        {"measure": "gap", "over": ["groups", "intersections"]},
    ],
    "harm": "Somebody is hurt.",
    "citation": [{"text": "A paper (2020)", "doi": "10.1/x"}],
}
DATASET: dict[str, Any] = {
    "id": "toy_words",
    "title": "Toy words",
    "description": "Words.",
    "licence": "Apache-2.0",
    "citation": [{"text": "Written for this test"}],
    "kind": "wordlist",
}


@pytest.fixture
def extra(tmp_path: Path) -> list[Path]:
    """A folder of cards of the user's own."""
    put(tmp_path, "probes/toys/first.yaml", CARD)
    put(tmp_path, "probes/toys/second.yaml", {**CARD, "id": "toys.second", "params": {}})
    put(tmp_path, "datasets/toy_words/card.yaml", DATASET)
    put(tmp_path, "datasets/toy_words/en.yaml", ["no", "yes"], raw="[no, yes]\n")
    return [tmp_path]


def put(root: Path, name: str, content: Any, raw: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(raw or yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def refused(extra: list[Path], **changed: Any) -> str:
    content = {key: value for key, value in {**CARD, **changed}.items() if value is not None}
    put(extra[0], "probes/toys/first.yaml", content)
    with pytest.raises(SpecError) as caught:
        catalog.probe("toys.first", extra)
    assert str(extra[0] / "probes" / "toys" / "first.yaml") in str(caught.value)
    return str(caught.value)


# ── the shipped content ──────────────────────────────────────────────────────────────────


def test_every_shipped_card_is_sound() -> None:
    probes = catalog.probes()
    assert probes, "no probe cards are found"
    assert list(probes) == sorted(probes)
    for name, card in probes.items():
        assert card.id == name
        assert card.gated <= 5
        assert card.citation
        assert card.limits
        assert "list:" not in repr(catalog.resolve_params(card))
        assert len(catalog.digest(card)) == 64


def test_every_shipped_data_set_says_whose_it_is() -> None:
    for card in catalog.datasets().values():
        assert card.licence
        assert card.citation
        for file in card.files:
            if file.source.startswith(("pypi:", "https:")):
                assert file.sha256, f"{card.file}: {file.source} has no sha256"


def test_content_is_found_in_a_checkout_and_in_a_package(tmp_path: Path) -> None:
    (root,) = catalog.roots()
    package = tmp_path / "fmaudit"
    shutil.copytree(
        Path(catalog.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in ("probes", "datasets"):
        shutil.copytree(root / folder, package / "_content" / folder)
    code = "from fmaudit import catalog; print(catalog.roots()[0]); print(*catalog.datasets())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    found, names = done.stdout.splitlines()
    assert Path(found) == package / "_content"
    assert names.split() == list(catalog.datasets())


# ── cards of one's own ───────────────────────────────────────────────────────────────────


def test_cards_of_ones_own_stand_beside_the_shipped(extra: list[Path]) -> None:
    card = catalog.probe("toys.first", extra)
    assert card.family == "toys"
    assert card.gated == 1
    assert card.file == extra[0] / "probes" / "toys" / "first.yaml"
    assert card.measures[0].rule is not None
    assert card.measures[0].rule.rule().origin == "default"
    assert "toys.second" in catalog.probes(extra)
    assert "adult" in catalog.datasets(extra)
    assert catalog.dataset("toy_words", extra).kind == "wordlist"


def test_a_card_of_ones_own_wins_over_a_shipped_one(extra: list[Path]) -> None:
    put(extra[0], "datasets/adult/card.yaml", {**DATASET, "id": "adult"})
    assert catalog.dataset("adult", extra).title == "Toy words"
    assert catalog.dataset("adult").title != "Toy words"


def test_unknown_names_say_the_nearest(extra: list[Path]) -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'toys.first'"):
        catalog.probe("toys.frist", extra)
    with pytest.raises(UnknownName, match=r"data.card: .*Did you mean 'adult'"):
        catalog.dataset("adlut", extra, "data.card")
    with pytest.raises(SpecError, match="no such folder"):
        catalog.probes([extra[0] / "nowhere"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"clam": "x"}, "unknown key 'clam'. Did you mean 'claim'"),
        ({"harm": None}, "harm: missing"),
        ({"title": ""}, "an empty text says nothing"),
        ({"citation": []}, "an empty list says nothing"),
        ({"id": "toys.other"}, "the place of the file says 'toys.first'"),
        ({"id": "Toys"}, "is not of the form"),
        ({"measures": [{"measure": "x", "over": ["group"]}]}, "Did you mean 'groups'"),
        ({"measures": [{"measure": "x", "over": []}]}, "an empty list says nothing"),
        ({"measures": [{"measure": "x", "over": ["categories"]}]}, "go together"),
        ({"measures": [{"measure": "x", "category": "c"}]}, "go together"),
        ({"measures": [{"measure": "x", "values": ["c"]}]}, "those of a `category`"),
        (
            {
                "measures": [
                    {
                        "measure": "x",
                        "over": ["categories"],
                        "category": "c",
                        "rule": {"op": "<=", "value": 1},
                    }
                ]
            },
            "needs `values`",
        ),
        (
            {"measures": [{"measure": "x", "rule": {"op": "<=", "value": 1}}] * 6},
            "6 measures have a rule; at most 5",
        ),
        ({"measures": [{"measure": "x", "rule": {"op": "<", "value": 1}}]}, "Did you mean '<='"),
        ({"measures": [{"measure": "x", "rule": {"op": "<=", "value": "y"}}]}, "a number"),
        ({"data": {"group": True}}, "Did you mean 'groups'"),
        ({"exhibits": [{"kind": "forst", "title": "x"}]}, "Did you mean 'forest'"),
    ],
)
def test_each_mistake_in_a_card_is_named(
    extra: list[Path], changed: dict[str, Any], said: str
) -> None:
    assert said in refused(extra, **changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": "task"}, "needs `files`, `format` and `columns`"),
        ({"csv": {"header": False}}, "one of the two"),
        ({"csv": {"heder": False}}, "Did you mean 'header'"),
        ({"files": [{"source": "x", "sha256": "abc"}]}, "is not of the form"),
        ({"license": "x"}, "Did you mean 'licence'"),
        ({"format": "template"}, "Did you mean 'templates'"),
        ({"columns": {"label": "x"}}, "`text` is missing; it may be left out where `options`"),
        ({"columns": {"options": "x", "text_pair": "y"}}, "`text` is missing"),
        ({"columns": {"text": "x", "option": "y"}}, "Did you mean 'options'"),
    ],
)
def test_each_mistake_in_a_dataset_card_is_named(
    extra: list[Path], changed: dict[str, Any], said: str
) -> None:
    put(extra[0], "datasets/toy_words/card.yaml", {**DATASET, **changed})
    with pytest.raises(SpecError) as caught:
        catalog.datasets(extra)
    assert said in str(caught.value)


# ── the user's choice ────────────────────────────────────────────────────────────────────


def chosen(extra: list[Path], *choices: str | ProbeChoice) -> dict[str, ProbeCard]:
    return {card.id: card for card in catalog.select(choices, extra)}


def ruled(extra: list[Path], **rules: PolicyRule | None) -> list[tuple[str, tuple[str, ...], Any]]:
    card = chosen(extra, ProbeChoice(id="toys.first", rules=rules))["toys.first"]
    return [(e.measure, e.over, e.rule and (e.rule.value, e.rule.origin)) for e in card.measures]


def test_families_ids_and_all(extra: list[Path]) -> None:
    assert list(chosen(extra, "toys")) == ["toys.first", "toys.second"]
    assert list(chosen(extra, "toys.second", "toys.second")) == ["toys.second"]
    assert set(chosen(extra, "toys.second", "bias")) > {"toys.second"}
    everything = [card.id for card in catalog.select(None, extra)]
    assert everything == list(catalog.probes(extra))
    with pytest.raises(UnknownName, match=r"a.yaml: unknown probe or family 'toy'.*'toys'"):
        catalog.select(["toy"], extra, "a.yaml")


def test_a_probe_keeps_its_configuration_beside_its_family(extra: list[Path]) -> None:
    tuned = ProbeChoice(id="toys.first", params={"n": 4})
    for order in (["toys", tuned], [tuned, "toys"]):
        found = chosen(extra, *order)
        assert list(found) == ["toys.first", "toys.second"]
        assert found["toys.first"].params["n"] == 4
        assert found["toys.first"].params["words"] == "list:toy_words/en"
    with pytest.raises(SpecError, match="configured twice"):
        chosen(extra, tuned, ProbeChoice(id="toys.first", params={"n": 5}))
    with pytest.raises(SpecError, match=r"is a family; .* toys.first, toys.second"):
        chosen(extra, ProbeChoice(id="toys", params={"n": 5}))


def test_the_users_rule_replaces_the_cards(extra: list[Path]) -> None:
    found = ruled(extra, flips=PolicyRule(op="<=", value=0.3))
    assert found[0] == ("flips", ("attributes",), (0.3, "policy"))
    assert found[1] == ("flips", ("crossed", "all"), None)


def test_the_users_rule_goes_to_all_rows_where_nothing_was_gated(extra: list[Path]) -> None:
    found = ruled(extra, accuracy=PolicyRule(op=">=", value=0.8))
    assert ("accuracy", ("all",), (0.8, "policy")) in found
    assert ("accuracy", ("groups",), None) in found
    over = ruled(extra, accuracy=PolicyRule(op=">=", value=0.8, over=("groups",)))
    assert ("accuracy", ("groups",), (0.8, "policy")) in over
    both = ruled(extra, gap=PolicyRule(op="<=", value=0.8))
    assert ("gap", ("groups", "intersections"), (0.8, "policy")) in both


def test_a_rule_of_null_only_measures(extra: list[Path]) -> None:
    assert all(rule is None for _, _, rule in ruled(extra, flips=None))


def test_rules_that_cannot_be(extra: list[Path]) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'accuracy'"):
        ruled(extra, acuracy=None)
    measures = [{"measure": f"m{i}"} for i in range(6)]
    put(extra[0], "probes/toys/first.yaml", {**CARD, "measures": measures})
    with pytest.raises(UserError, match="6 gated measures; at most 5"):
        ruled(extra, **{f"m{i}": PolicyRule(op="<=", value=1) for i in range(6)})


# ── word lists and digests ───────────────────────────────────────────────────────────────


def test_lists_are_filled_in(extra: list[Path]) -> None:
    filled = catalog.resolve_params(catalog.probe("toys.first", extra), extra)
    words = ["no", "yes"]
    assert filled == {"words": words, "deep": [{"same": words}], "n": 3}


@pytest.mark.parametrize("name", ["list:toy_words/ne", "list:../secret", "list:toy_words/card"])
def test_lists_that_are_not_there(extra: list[Path], name: str) -> None:
    put(extra[0], "probes/toys/first.yaml", {**CARD, "params": {"words": name}})
    card = catalog.probe("toys.first", extra)
    with pytest.raises(UnknownName, match="unknown word list"):
        catalog.resolve_params(card, extra)
    with pytest.raises(UnknownName, match="unknown word list"):
        catalog.digest(card, extra)


def test_the_digest_follows_what_is_said_not_how(extra: list[Path]) -> None:
    def digest(*choices: str | ProbeChoice) -> str:
        return catalog.digest(chosen(extra, *choices)["toys.first"], extra)

    before = digest("toys")
    reordered = dict(reversed(list(CARD.items())))
    put(extra[0], "probes/toys/first.yaml", reordered)
    assert digest("toys") == before
    assert digest(ProbeChoice(id="toys.first", params={"n": 4})) != before
    assert digest(ProbeChoice(id="toys.first", rules={"flips": None})) != before
    put(extra[0], "datasets/toy_words/en.yaml", None, raw="[no, yes, maybe]\n")
    assert digest("toys") != before


# ── where, sample, a rule's own minimum ──────────────────────────────────────────────────


def test_a_null_rule_takes_its_minimum_with_it(extra: list[Path]) -> None:
    rule = {"op": "<=", "value": 0.1, "minimum_n": 200}
    measures = [{"measure": "flips", "minimum_n": 30, "rule": rule}]
    put(extra[0], "probes/toys/first.yaml", {**CARD, "measures": measures})
    (plain,) = chosen(extra, "toys.first")["toys.first"].measures
    assert plain.rule is not None
    assert (plain.minimum_n, plain.rule.minimum_n) == (30, 200)
    nulled = ProbeChoice(id="toys.first", rules={"flips": None})
    (bare,) = chosen(extra, nulled)["toys.first"].measures
    assert (bare.minimum_n, bare.rule) == (30, None)


def test_the_users_sample_replaces_the_cards(extra: list[Path]) -> None:
    put(extra[0], "probes/toys/first.yaml", {**CARD, "sample": 100})
    samples = [
        chosen(extra, ProbeChoice(id="toys.first", sample=n))["toys.first"].sample
        for n in (None, 40, 400)
    ]
    assert samples == [100, 40, 400]
    with pytest.raises(SpecError, match="`sample` belong to one probe"):
        chosen(extra, ProbeChoice(id="toys", sample=5))


def test_a_probe_may_bring_its_own_cases(extra: list[Path]) -> None:
    assert catalog.probe("toys.second", extra).data.card is None
    put(
        extra[0],
        "probes/toys/second.yaml",
        {**CARD, "id": "toys.second", "data": {"card": "toy_words"}},
    )
    card = catalog.probe("toys.second", extra)
    assert card.data.card == "toy_words"
    before = catalog.digest(card, extra)
    put(extra[0], "datasets/toy_words/en.yaml", None, raw="[no, yes, maybe]\n")
    assert catalog.digest(card, extra) != before
    put(
        extra[0],
        "probes/toys/second.yaml",
        {**CARD, "id": "toys.second", "data": {"card": "toy_word"}},
    )
    with pytest.raises(UnknownName, match=r"data.card: .*Did you mean 'toy_words'"):
        catalog.digest(catalog.probe("toys.second", extra), extra)


def test_options_need_no_text(extra: list[Path]) -> None:
    card = {
        **DATASET,
        "kind": "task",
        "files": [{"source": "x.csv"}],
        "format": "csv",
        "columns": {"options": ["a", "b"], "references": "c"},
    }
    put(extra[0], "datasets/toy_words/card.yaml", card)
    columns = catalog.dataset("toy_words", extra).columns
    assert columns is not None
    assert (columns.text, columns.options, columns.references) == (None, ("a", "b"), ("c",))


def test_a_sample_changes_the_digest_of_a_card(extra: list[Path]) -> None:
    digests = {
        catalog.digest(chosen(extra, ProbeChoice(id="toys.first", sample=n))["toys.first"], extra)
        for n in (None, 40, 400)
    }
    assert len(digests) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"sample": 0},
        {"sample": "all"},
        {"measures": [{"measure": "flips", "where": ["kind"]}]},
        {"measures": [{"measure": "flips", "rule": {"op": "<=", "value": 1, "minimum_n": 0}}]},
    ],
)
def test_samples_slices_and_minima_that_cannot_be(extra: list[Path], changed: Any) -> None:
    refused(extra, **changed)
