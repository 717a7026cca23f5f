from __future__ import annotations

import random
import re
from collections import Counter

import msgspec
import numpy as np
import pytest
from faker.providers.person.en_GB import Provider as British
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit import catalog, letters
from fmaudit.data import draw
from fmaudit.documents import read_any
from fmaudit.errors import SpecError
from fmaudit.seeds import Seeds

CONTENT = letters.load()
RESERVED = {"example.com", "example.org", "example.net"}
FIRST = {"female": British.first_names_female, "male": British.first_names_male}

seeds = st.integers(0, 2**32).map(Seeds)


@pytest.fixture(scope="module")
def many():
    return letters.write(CONTENT, 600, Seeds(3))


def plain() -> dict:
    """The shipped file as it is written."""
    return read_any(catalog.dataset(letters.DATASET).file.with_name("en.yaml"))


# ── what a letter is ─────────────────────────────────────────────────────────────────────


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_a_letter_holds_its_order_number_once_and_nothing_unfilled(seed):
    for case in letters.write(CONTENT, 8, seed):
        (order,) = case.references
        assert re.fullmatch(r"[1-9]\d{4}", order)
        without_phone = re.sub(r"07700 900\d{3}", "", case.input)
        assert re.findall(r"\d{5,}", without_phone) == [order]
        assert not set("{}#%") & set(case.input)
        assert case.input == case.input.strip()
        assert "  " not in case.input


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_nobody_can_be_reached_by_a_letter(seed):
    for case in letters.write(CONTENT, 8, seed):
        assert set(re.findall(r"@([\w.]*\w)", case.input)) <= RESERVED
        phones = re.findall(r"\b0[\d ]+", case.input)
        assert all(re.fullmatch(r"07700 900\d{3}", phone.strip()) for phone in phones)


def test_a_letter_says_its_topic_in_the_sentence_that_its_cluster_names(many):
    for case in many:
        topic, _, place = case.cluster.rpartition("-")
        assert case.target == CONTENT.topics[topic].option
        before, _, after = CONTENT.topics[topic].says[int(place) - 1].partition("{item}")
        assert before in case.input
        assert after in case.input


def test_a_letter_is_signed_with_a_name_of_its_writers_sex(many):
    for case in many:
        names = FIRST[case.groups["sex"]]
        mail = re.findall(r"(\w+)\.\w+@", case.input)
        assert any(name in case.input for name in names) or mail[0] in map(str.lower, names)


def test_all_topics_sentences_frames_and_both_sexes_come_up(many):
    assert {c.cluster for c in many} == {
        f"{name}-{k}" for name, t in CONTENT.topics.items() for k in range(1, len(t.says) + 1)
    }
    topics = Counter(case.target for case in many)
    assert len(topics) == len(CONTENT.topics) >= 6
    assert min(topics.values()) > 600 / len(topics) / 2
    sexes = Counter(case.groups["sex"] for case in many)
    assert 240 < sexes["female"] < 360


def test_letters_are_short_and_hardly_ever_alike(many):
    words = [len(case.input.split()) for case in many]
    assert 15 < np.mean(words) < 25
    assert max(words) < 35
    assert len(draw.unique(many)) == len(many)
    assert len({case.id for case in many}) == len(many)


# ── drawn by seed and name alone ─────────────────────────────────────────────────────────


@settings(max_examples=10, deadline=None)
@given(seeds, st.integers(0, 6), st.integers(0, 6))
def test_more_letters_leave_the_others_as_they_are(seed, few, more):
    written = letters.write(CONTENT, few + more, seed)
    assert letters.write(CONTENT, few, seed) == written[:few]


def test_another_seed_writes_other_letters():
    one, two = (letters.write(CONTENT, 50, Seeds(seed)) for seed in (1, 2))
    assert not {c.input for c in one} & {c.input for c in two}


def test_nobody_elses_randomness_is_touched():
    random.seed(4)
    np.random.seed(4)
    before, kept = random.getstate(), np.random.get_state()[1].copy()
    letters.write(CONTENT, 3, Seeds(1))
    assert random.getstate() == before
    assert (np.random.get_state()[1] == kept).all()


# ── what is asked ────────────────────────────────────────────────────────────────────────


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from(["topic", "order"]))
def test_a_question_has_four_options_and_one_is_right(seed, kind):
    (case,) = letters.write(CONTENT, 1, seed)
    asked = letters.ask(case, kind, CONTENT, seed)
    assert len(set(asked.options)) == len(asked.options) == letters.OPTIONS
    assert asked.label in asked.options
    assert asked == letters.ask(case, kind, CONTENT, seed)
    if kind == "topic":
        assert asked.label == case.target
        assert set(asked.options) <= {topic.option for topic in CONTENT.topics.values()}
        assert asked.references == ()
    else:
        assert asked.references == (asked.label,) == case.references
        for wrong in set(asked.options) - {asked.label}:
            assert wrong not in case.input
            assert not wrong.startswith("0")
            assert sum(a != b for a, b in zip(wrong, asked.label, strict=True)) == 1


@pytest.mark.parametrize("kind", ["topic", "order"])
def test_no_place_is_the_right_ones(many, kind):
    asked = [letters.ask(case, kind, CONTENT, Seeds(5)) for case in many]
    places = Counter(one.options.index(one.label) for one in asked)
    assert len(places) == letters.OPTIONS
    assert all(110 < count < 190 for count in places.values())  # 150, give or take four sigma


# ── what a content file must hold ────────────────────────────────────────────────────────


def _frame(text: str):
    return lambda content: content["frames"].append(text)


BAD = [
    (_frame("{says} {name}, {town}"), r"frames: '\{says\}.*\{order\} 0 times"),
    (_frame("{says} {order} {order} {name}, {town}"), r"frames.*\{order\} 2 times"),
    (_frame("{order}. {name}, {town}"), r"frames.*\{says\} 0 times"),
    (_frame("{says} {order} {town}"), r"frames.*no name of the writer"),
    (_frame("{says} {order} {name}"), r"frames.*no way to reach.*phone, email, street, town"),
    (_frame("{says} {order} {email} {adress}"), r"frames.*nothing fills \{adress\}; known: email"),
    (lambda c: c["topics"]["refund"]["says"].append("A {thing}."), r"topics: refund.*\{thing\}"),
    (lambda c: c["topics"]["refund"].update(says=[]), r"topics: refund: says: an empty list"),
    (lambda c: c["topics"]["refund"].update(option="a wrong item"), r"topics: 4 at least"),
    (lambda c: [c["topics"].popitem() for _ in range(5)], r"topics: 4 at least"),
    (lambda c: c.update(domains=[]), r"domains: an empty list"),
    (lambda c: c.update(order="none"), r"order: 'none' has no place for a digit"),
    (lambda c: c.update(item=["lamp"]), r"unknown field `item`"),
]


@pytest.mark.parametrize(("break_", "told"), BAD)
def test_a_bad_content_file_is_refused_with_its_key(break_, told):
    content = plain()
    break_(content)
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert(content, letters.Content)


def test_the_message_names_the_file(monkeypatch):
    monkeypatch.setattr(letters, "read_any", lambda file: {**plain(), "order": "none"})
    with pytest.raises(SpecError, match=r"support_letters/en\.yaml: order: 'none'"):
        letters.load.__wrapped__()


def test_a_language_without_letters_is_refused():
    with pytest.raises(SpecError, match=r"fr\.yaml: no such file"):
        letters.load("fr")
