"""The counterfactual statements and prompts that ship: enough, sound, and even between groups."""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from functools import cache
from statistics import fmean
from typing import Any

import pytest
import yaml

from fmaudit import catalog
from fmaudit.data import open_cases
from fmaudit.data.counterfactuals import CounterfactualsTable
from fmaudit.spec import DataSpec

LEAST = {
    ("counterfactual_statements", "en"): 24,
    ("counterfactual_statements", "zh"): 12,
    ("counterfactual_prompts", "en"): 18,
    ("counterfactual_prompts", "zh"): 12,
}
"""Fewest templates of each attribute."""

each_file = pytest.mark.parametrize(("name", "language"), LEAST)
SIDES = ("text", "swapped", "control")


@cache
def texts(name: str, language: str) -> tuple[dict[str, str], ...]:
    return CounterfactualsTable(path(name, language)).texts


def path(name: str, language: str) -> Any:
    return catalog.dataset(name).file.parent / f"{language}.yaml"


def plain(name: str, language: str) -> Any:
    """The file as YAML alone reads it."""
    return yaml.safe_load(path(name, language).read_text(encoding="utf-8"))


def sentences(file: Any) -> dict[str, str]:
    """All sentences with slots; those of an attribute under "attribute.name"."""
    own = {
        f"{attribute}.{name}": text
        for attribute, content in file["attributes"].items()
        for name, text in content.get("templates", {}).items()
    }
    return {**file["templates"], **own}


@each_file
def test_there_are_enough(name: str, language: str) -> None:
    found = texts(name, language)
    assert len({row["id"] for row in found}) == len(found)
    templates = Counter(a for a, _ in {(r["attribute"], r["template"]) for r in found})
    assert len(templates) == 6
    assert min(templates.values()) >= LEAST[name, language]


@each_file
def test_three_different_texts_of_similar_length(name: str, language: str) -> None:
    for row in texts(name, language):
        told = [row[side] for side in SIDES]
        assert len(set(told)) == 3
        assert not any(re.search(r"[{}]|  |^ | $", text) for text in told)
        assert max(map(len, told)) <= 1.5 * min(map(len, told))


@each_file
def test_nothing_differs_but_the_words_of_the_groups(name: str, language: str) -> None:
    """Read off the sentence itself: what stands in its slots on each side."""
    file = plain(name, language)
    seen = 0
    for row in texts(name, language):
        content = file["attributes"][row["attribute"]]
        key = row["id"].split(".")[2]
        if key in content.get("texts", {}):
            continue
        seen += 1
        sentence = content.get("templates", {}).get(key) or file["templates"][key]
        words: dict[str, dict[str, set[str]]] = {"about": {}, "instead": {}}
        for side, of in words.items():
            place = content["groups"].index(row[side])
            for listed in content["words"].values():
                for cells in listed["rows"]:
                    for slot, form in zip(listed["slots"], cells[place].split("/"), strict=True):
                        of.setdefault(slot, set()).add(form.lower())
            of.update({slot: {w.lower() for w in ws} for slot, ws in file["neutral"].items()})
        text, _, control = (
            fillings(sentence, row[side], words["instead" if side == "swapped" else "about"])
            for side in SIDES
        )
        differ = [slot in file["neutral"] for slot in text if text[slot] != control[slot]]
        assert differ
        assert all(differ) or not any(differ)
    assert seen > 50


def fillings(sentence: str, text: str, words: dict[str, set[str]]) -> dict[str, str]:
    """What stands in the slots of a text, which are filled from these words, in lower case."""
    pattern = ""
    slots = []
    for part in re.split(r"(\{[^}]*\})", sentence):
        if part.startswith("{"):
            slots.append(part.strip("{}").split()[-1].lower())
            choice = "|".join(map(re.escape, words[slots[-1]]))
            pattern += ("(?:an? )?" if " " in part else "") + f"({choice})"
        else:
            pattern += re.escape(part)
    found = re.fullmatch(pattern, text, re.IGNORECASE)
    assert found, (sentence, text)
    return dict(zip(slots, map(str.lower, found.groups()), strict=True))


@each_file
def test_the_sentence_of_a_name_or_nation_tells_no_gender(name: str, language: str) -> None:
    gendered = r"(?i)\b(he|she|him|his|her|hers|himself|herself|Mr|Mrs|Ms|man|woman)\b|[他她]"
    file = plain(name, language)
    for key, text in sentences(file).items():
        if not key.startswith("pronouns."):
            assert not re.search(gendered, re.sub(r"\{[^}]*\}", "", text)), (key, text)


@each_file
def test_no_sentence_stands_twice(name: str, language: str) -> None:
    found = Counter(sentences(plain(name, language)).values())
    assert max(found.values()) == 1


@each_file
def test_every_group_is_asked_about(name: str, language: str) -> None:
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for row in texts(name, language):
        groups[row["attribute"]].update([row["about"], row["instead"]])
    for attribute, content in plain(name, language)["attributes"].items():
        assert set(groups[attribute]) == set(content["groups"])


@each_file
def test_names_are_told_apart(name: str, language: str) -> None:
    for content in plain(name, language)["attributes"].values():
        for words in content.get("words", {}).values():
            cells = [cell for row in words["rows"] for cell in row]
            assert len(set(cells)) == len(cells)


@each_file
def test_a_written_out_control_is_changed_about_as_much_as_the_swap(
    name: str, language: str
) -> None:
    """Else what flips more often between dialects may be the size of the change."""
    sizes = [
        (edit(row["text"], row["swapped"], language), edit(row["text"], row["control"], language))
        for row in texts(name, language)
        if row["attribute"] == "dialect"
    ]
    swap, control = (fmean(side) for side in zip(*sizes, strict=True))
    assert 2 / 3 <= control / swap <= 3 / 2


def edit(first: str, second: str, language: str) -> int:
    """How many words (Chinese: characters) are exchanged, put in or taken out."""
    split = r"\w+|[^\w\s]" if language == "en" else "."
    a, b = re.findall(split, first), re.findall(split, second)
    changes = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in changes if kind != "equal")


@pytest.mark.parametrize("name", ["counterfactual_statements", "counterfactual_prompts"])
def test_english_verbs_and_articles_agree(name: str) -> None:
    for row in texts(name, "en"):
        if row["attribute"] == "dialect":
            continue
        for side, group in zip(SIDES, (row["about"], row["instead"], row["about"]), strict=True):
            articles = r"(?i)\ba [aeio]|\ban (?!hour|honest|heir)[^aeiou]"
            assert not re.search(articles, row[side]), row[side]
            wrong = {"they": r"\b[Tt]hey \w+s\b", "she": r"\b[Ss]he (are|were|have|do)\b",
                     "he": r"\b[Hh]e (are|were|have|do)\b"}  # fmt: skip
            assert not re.search(wrong.get(group, "$^"), row[side]), row[side]


@pytest.mark.parametrize("name", ["counterfactual_statements", "counterfactual_prompts"])
def test_the_dialects_are_not_respelled(name: str) -> None:
    """No eye dialect: every word of the English dialects is in other texts, save "ain't"."""
    respelled = r"(?i)\b(gonna|wanna|gotta|gon|finna|dis|dat|dem|da|yo|cuz|nuffin|\w+in')(?!\w)"
    for row in texts(name, "en"):
        assert not any(re.search(respelled, row[side]) for side in SIDES), row


@pytest.mark.parametrize("name", ["counterfactual_statements", "counterfactual_prompts"])
def test_cases_have_a_swap_and_a_control_and_share_their_template(name: str) -> None:
    cases = [case for chunk in open_cases(DataSpec(card=name)).chunks(512) for case in chunk]
    assert all(len(case.options) == 2 for case in cases)
    assert {frozenset(case.groups) for case in cases} == {
        frozenset({"attribute", "about", "instead", "language"})
    }
    attributes: dict[str | None, set[str]] = defaultdict(set)
    for case in cases:
        attributes[case.cluster].add(case.groups["attribute"])
    names = {"gender_names", "ethnic_names_of_women", "ethnic_names_of_men"}
    assert {frozenset(found) for found in attributes.values() if len(found) > 1} == {
        frozenset(names)
    }
    assert f"from {len(attributes)} templates" in catalog.dataset(name).description
