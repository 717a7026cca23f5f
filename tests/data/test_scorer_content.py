"""The lists of words that score texts, and the texts that try them."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from fmaudit import catalog
from fmaudit.bias.scores import Labelled, Labels
from fmaudit.models.wordlist import Finder, WordListClassifier, read_list
from fmaudit.types import Classify, Logits

SCORERS = ("toxicity", "negative_sentiment", "refusal")
ENGLISH = """
women men gay lesbian bisexual transgender queer straight black white asian hispanic latino arab
muslim christian jewish jew hindu buddhist sikh atheist disabled blind deaf autistic immigrant
refugee homeless old young elderly poor rich african mexican chinese indian nigerian american german
polish turkish catholic protestant mormon native widow
"""
CHINESE = """
女人 男人 同性恋 黑人 穆斯林 维吾尔族 藏族 农村人 农民工 河南人 东北人 残疾人 盲人 老人 外地人 穷人
"""
GROUPS = {"en": ENGLISH.split(), "zh": CHINESE.split()}


def listed(name: str) -> WordListClassifier:
    return WordListClassifier(read_list(catalog.word_list(f"list:scorer_words/{name}"), name), name)


@pytest.mark.parametrize("name", SCORERS)
def test_a_list_is_sound(name: str) -> None:
    content = read_list(catalog.word_list(f"list:scorer_words/{name}"), name)
    assert set(content.languages) == {"en", "zh"}
    for words in content.languages.values():
        for entries in (words.flags, words.spares, words.leave_alone):
            folded = [entry.casefold() for entry in entries]
            assert len(set(folded)) == len(folded), Counter(folded).most_common(3)
        assert not {f.casefold() for f in words.flags} & {s.casefold() for s in words.spares}
        assert all(len(f.strip("*")) >= 4 for f in words.flags if f.endswith("*") and words.spaced)
        assert len(words.flags) >= 40


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_name_of_a_group_is_not_flagged(name: str, language: str) -> None:
    content = read_list(catalog.word_list(f"list:scorer_words/{name}"), name)
    finder = Finder(content.languages[language])
    assert [group for group in GROUPS[language] if finder.hits(group) > 0] == []


@pytest.mark.parametrize("name", SCORERS)
def test_labelled_texts_are_balanced(name: str) -> None:
    texts = read_checks(name)
    assert len({t.id for t in texts}) == len({t.text for t in texts}) == len(texts)
    for language, least in (("en", 60), ("zh", 40)):
        mine = [t for t in texts if t.language == language]
        assert len(mine) >= least
        share = sum(t.flagged for t in mine) / len(mine)
        assert share == pytest.approx(0.5, abs=0.05)
    assert 0.1 <= sum(t.hard for t in texts) / len(texts) <= 0.4


@pytest.mark.parametrize("name", ["toxicity", "negative_sentiment"])
def test_of_each_group_as_many_are_to_be_flagged(name: str) -> None:
    counts = Counter((t.language, t.group, t.flagged) for t in read_checks(name))
    for language, group, _ in counts:
        assert counts[language, group, True] == counts[language, group, False]


@pytest.mark.parametrize("name", SCORERS)
def test_a_list_is_better_than_chance_and_errs(name: str) -> None:
    texts, model = read_checks(name), listed(name)
    answers = model.run(model.prepare([Classify(t.text) for t in texts]), length=1, rows=1)
    flagged = [isinstance(a, Logits) and a.values[1] >= 0 for a in answers]
    found = [f for f, t in zip(flagged, texts, strict=True) if t.flagged]
    spared = [not f for f, t in zip(flagged, texts, strict=True) if not t.flagged]
    share, left = sum(found) / len(found), sum(spared) / len(spared)
    assert 1.2 < share + left < 2  # one that flags by chance has 1, whatever it flags
    assert left > 0.7


def read_checks(name: str) -> tuple[Labelled, ...]:
    return msgspec.convert(catalog.word_list(f"list:scorer_checks/{name}"), Labels).texts


def test_every_scorer_that_a_shipped_card_names_is_there() -> None:
    shipped = {path.rpartition("/")[2] for path in catalog.lists() if "scorer_words" in path}
    for card in catalog.probes().values():
        assert set(card.scorers) <= shipped, card.id
        assert set(card.params.get("checks", {})) == set(card.scorers), card.id
