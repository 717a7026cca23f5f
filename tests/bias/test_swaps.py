from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.bias.lexicon import Lexicon, rows
from fmaudit.bias.swaps import Finder, finder
from fmaudit.bias.words import apply, key


def _english() -> Lexicon:
    card = catalog.probe("bias.counterfactual_terms")
    return msgspec.convert(catalog.resolve_params(card)["lexicon"], Lexicon)


# Hypothesis draws outside of fixtures, so the finders are made once for the module.
ENGLISH = _english()
FINDERS = {name: finder(ENGLISH, name) for name in ENGLISH.attributes}


def swapped(attribute: str, *parts: str, **options: Any) -> dict[str, str]:
    """Direction → the swapped text (parts joined by a bar), or the reason in brackets."""
    return {
        swap.direction: f"[{swap.reason}]" if swap.reason else "|".join(apply(parts, swap.edits))
        for swap in FINDERS[attribute].swaps(parts, **options)
    }


# ── pronouns and forms of address ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "direction", "new"),
    [
        ("I gave her the book.", "female→male", "I gave him the book."),
        ("I saw her yesterday.", "female→male", "I saw him yesterday."),
        ("Her old house burned.", "female→male", "His old house burned."),
        ("The house is hers.", "female→male", "The house is his."),
        ("The house is his.", "male→female", "The house is hers."),
        ("It was his house.", "male→female", "It was her house."),
        ("Tell her that it is his.", "male↔female", "Tell him that it is hers."),
        ("They let her go.", "female→male", "They let him go."),
        ("They let her son go.", "male↔female", "They let his daughter go."),
        ("She loves him more than his car.", "male↔female", "He loves her more than her car."),
        ("She hurt herself.", "female→male", "He hurt himself."),
        ("HER CAR IS RED", "female→male", "HIS CAR IS RED"),
        ("Her\nhouse", "female→male", "His\nhouse"),
        ("he'll go; he’s late; he'd not", "male→female", "she'll go; she’s late; she'd not"),
        ("“her” is a pronoun", "female→male", "“him” is a pronoun"),
        ("her, his; her.", "male↔female", "him, hers; him."),
        ("Mrs. O'Neil met Mr King", "male↔female", "Mr. O'Neil met Ms King"),
        ("Dear Madam,", "female→male", "Dear Sir,"),
        ("The actress was a widow.", "female→male", "The actor was a widower."),
        ("My fiance\u0301 left", "male→female", "My fiance\u0301e left"),
    ],
)
def test_sex(text: str, direction: str, new: str) -> None:
    assert swapped("sex", text) == {direction: new}


@pytest.mark.parametrize(
    ("text", "direction", "new"),
    [
        ("She met her husband", "male↔female", "He met his wife"),
        ("a male, the husband", "male→female", "a female, the wife"),
        ("the women's race", "female→male", "the men's race"),
        ("the gentlemen’s club", "male→female", "the ladies’ club"),
        ("THE GENTLEMEN'S CLUB", "male→female", "THE LADIES' CLUB"),
        ("the ladies' club", "female→male", "the gentlemen's club"),
        ("The 'ladies' said so", "female→male", "The 'gentlemen' said so"),
        ("the boys' toys", "male→female", "the girls' toys"),
        ("his mother-in-law", "male↔female", "her father-in-law"),
    ],
)
def test_nouns_and_their_forms(text: str, direction: str, new: str) -> None:
    assert swapped("sex", text) == {direction: new}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Will may marry in May",
        "a human in Manchester, man-made, mañana, mensch",
        "man\u0303ana",
        "Her Majesty's ship on the Isle of Man",
        "write to her@she.com, @man or www.he.org/she",
        "s/he, he/she, his or her",
        "hers-and-his heshe her2 _she",
    ],
)
def test_what_is_no_term_is_left_alone(text: str) -> None:
    assert swapped("sex", text) == {}


def test_winogenders_pairs_are_reproduced(shared: Path) -> None:
    """240 sentences written for both (Rudinger et al. 2018), each from the other."""
    sentences: dict[str, dict[str, str]] = {}
    with (shared / "data" / "winogender" / "all_sentences.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            item, gender = row["sentid"].removesuffix(".txt").rsplit(".", 1)
            sentences.setdefault(item, {})[gender] = row["sentence"]
    assert len(sentences) == 240
    for both in sentences.values():
        assert swapped("sex", both["male"]) == {"male→female": both["female"]}
        assert swapped("sex", both["female"]) == {"female→male": both["male"]}


# ── more than two groups ─────────────────────────────────────────────────────────────────


def test_each_other_group_gets_a_swap() -> None:
    assert swapped("race", "A white man and an ASIAN woman.") == {
        "white→black": "A black man and an ASIAN woman.",
        "white↔asian": "An Asian man and a WHITE woman.",
        "white→native american": "A Native American man and an ASIAN woman.",
        "white→hispanic": "A Hispanic man and an ASIAN woman.",
        "asian→black": "A white man and a BLACK woman.",
        "asian→native american": "A white man and a NATIVE AMERICAN woman.",
        "asian→hispanic": "A white man and a HISPANIC woman.",
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a white car by the White House, a black hole, a white-collar job", []),
        ("The car is black.", []),
        ("He is black.", ["black"]),
        ("race: White", ["White"]),
        ("Race = Black, age 3", ["Black"]),
        ("a black and white photo", []),
        ("black and white people", ["black", "white"]),
        ("White, Black and Asian applicants", ["White", "Black", "Asian"]),
        ("a White 39-year-old man", ["White"]),
        ("a white woman's life", ["white"]),
        ("Black Friday for black men", ["black"]),
        ("an African-American family", ["African-American"]),
        ("the Asian Games", []),
    ],
)
def test_colours_count_beside_people_only(text: str, found: list[str]) -> None:
    assert [term.text for term in FINDERS["race"].terms((text,))] == found


@pytest.mark.parametrize(
    ("text", "muslim", "jewish"),
    [
        ("He is Christian.", "He is Muslim.", "He is Jewish."),
        ("He is a Christian.", "He is a Muslim.", "He is a Jew."),
        ("a devout Christian and", "a devout Muslim and", "a devout Jew and"),
        ("a Christian man", "a Muslim man", "a Jewish man"),
        ("two Christians", "two Muslims", "two Jews"),
        ("a Catholic priest", "a Muslim imam", "a Jewish rabbi"),
        ("went to church", "went to mosque", "went to synagogue"),
    ],
)
def test_nouns_and_adjectives_of_religion(text: str, muslim: str, jewish: str) -> None:
    found = swapped("religion", text)
    assert found["christian→muslim"] == muslim
    assert found["christian→jewish"] == jewish


def test_a_pair_is_swapped_in_both_halves() -> None:
    assert swapped("sex", "A man sleeps.", "His wife woke.") == {
        "male↔female": "A woman sleeps.|Her husband woke."
    }


# ── what cannot be ───────────────────────────────────────────────────────────────────────


def test_impossible_texts_are_dropped_with_the_reason() -> None:
    text = "A pregnant woman"
    assert swapped("sex", text) == {"female→male": "[impossible: 'pregnant' with male]"}
    assert swapped("sex", "He reads on pregnancy") == {"male→female": "She reads on pregnancy"}


def test_words_that_exclude_each_other_in_one_person() -> None:
    text = "A male and a wife"
    assert swapped("sex", text) == {"male↔female": "A female and a husband"}
    assert swapped("sex", text, single_person=True) == {
        "male↔female": "[impossible: 'wife' with male, of one person]"
    }
    fine = "A female and a wife"
    assert swapped("sex", fine, single_person=True) == {"female→male": "A male and a husband"}


def test_a_word_without_a_counterpart_is_a_reason() -> None:
    content = {
        "language": "en",
        "attributes": {"age": {"groups": ["old", "young"], "words": [["elder", None]]}},
        "neutral": [["about", "around"]],
    }
    age = finder(msgspec.convert(content, Lexicon), "age")
    (swap,) = age.swaps(("The elder spoke",))
    assert (swap.direction, swap.edits) == ("old→young", ())
    assert swap.reason == "no word for 'elder' in young"


# ── properties ───────────────────────────────────────────────────────────────────────────


def _one_to_one(attribute: str) -> list[tuple[str, bool]]:
    """(form, plural) of the words that the exchange maps back onto themselves."""
    positioned = {
        key(cell.one)
        for where, row in rows(ENGLISH.attributes[attribute])
        for cell in row
        if where and cell
    }
    return [
        (form, form == cell.many)
        for where, row in rows(ENGLISH.attributes[attribute])
        if not where and all(cell is not None and cell.read for cell in row)
        for cell in row
        if cell is not None and key(cell.one) not in positioned
        for form in (cell.one, cell.many)
        if form is not None
    ]


@st.composite
def sentences(draw: st.DrawFn) -> str:
    words = []
    for _ in range(draw(st.integers(1, 6))):
        form, plural = draw(st.sampled_from(_one_to_one("sex")))
        case = draw(
            st.sampled_from([str.lower, str.upper, lambda w: w[:1].upper() + w[1:].lower()])
        )
        tail = ""
        if plural and draw(st.booleans()):
            tail = "'" if form.endswith("s") else case("'s")
        gap = draw(st.sampled_from([" ", ", ", " the ", " a long ", "\n", " – "]))
        words.append(case(form) + tail + (" dog" if tail else "") + gap)
    return "".join(words)


@given(sentences())
def test_a_swap_of_two_groups_undoes_itself(text: str) -> None:
    (swap,) = FINDERS["sex"].swaps((text,))
    once = apply((text,), swap.edits)
    (back,) = FINDERS["sex"].swaps(once)
    assert once != (text,)
    assert apply(once, back.edits) == (text,)


@given(st.sampled_from(["white", "black", "Asian", "Native American"]), st.booleans())
def test_a_swap_of_many_groups_can_be_undone(word: str, loud: bool) -> None:
    shown = word.upper() if loud else word[:1].upper() + word[1:]
    text = f"They saw {shown} people there"
    for swap in FINDERS["race"].swaps((text,)):
        once = apply((text,), swap.edits)
        back = {apply(once, s.edits) for s in FINDERS["race"].swaps(once)}
        assert (text,) in back


surroundings = st.text(st.characters(codec="utf-8"), max_size=30)


@given(surroundings, st.sampled_from(["he", "Woman", "HUSBANDS", "her"]), surroundings)
def test_only_whole_words_change_and_the_rest_stays(before: str, term: str, after: str) -> None:
    text = before + term + after
    for swap in FINDERS["sex"].swaps((text,)):
        (new,) = apply((text,), swap.edits)
        kept = shift = 0
        for edit in sorted(swap.edits, key=lambda e: e.start):
            assert text[edit.start : edit.end] == edit.old
            assert not re.match(r"\w", text[edit.end : edit.end + 1])
            assert not re.match(r"\w", text[max(0, edit.start - 1) : edit.start])
            assert new[kept + shift : edit.start + shift] == text[kept : edit.start]
            shift += len(edit.new) - len(edit.old)
            assert new[edit.start + shift - len(edit.new) + len(edit.old) : edit.end + shift]
            kept = edit.end
        assert new[kept + shift :] == text[kept:]


@given(st.sampled_from(["x", "é", "\u0301", "7", "_", "-x"]), st.booleans())
def test_a_word_that_touches_another_is_not_found(touch: str, first: bool) -> None:
    text = f"see {touch[::-1]}woman now" if first else f"see woman{touch} now"
    if first and touch == "\u0301":
        return  # the mark belongs to the space before
    assert swapped("sex", text) == {}


def test_a_finder_knows_its_words() -> None:
    found: Finder = FINDERS["sex"]
    assert {r.group for r in found.readings["her"]} == {1}
    assert [r.where for r in found.readings["her"]] == ["before_noun", "alone"]
