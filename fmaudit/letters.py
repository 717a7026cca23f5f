"""Letters to a customer service that nobody wrote: what `datasets/support_letters/*.yaml` holds.

A letter is a frame, a sentence of a topic, and personal data that Faker makes up. All of one letter
is drawn by the seed and its own number, so that more letters leave the others as they are.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from fmaudit import catalog
from fmaudit.documents import read_any
from fmaudit.errors import SpecError
from fmaudit.seeds import Seeds
from fmaudit.types import Case

if TYPE_CHECKING:
    from faker import Faker

Rng = np.random.Generator
Kind = Literal["topic", "order"]

DATASET = "support_letters"
SEX = "sex"
NAMED = ("name", "first", "email")
REACH = ("phone", "email", "street", "town")
IN_FRAMES = {"says", "order", *NAMED, *REACH}
IN_SENTENCES = {"item"}
OPTIONS = 4


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a letter is about, as an `option` to choose, and the sentences that say it."""

    option: str
    says: tuple[str, ...]


class Questions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked about a letter: its topic, and its order number."""

    topic: str
    order: str


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that letters are put together from; the file says how it is written.

    Raises `ValueError` that names the key: a frame without what it must have, a name in braces
    that nothing fills, topics that read alike, an order number without a digit to draw.
    """

    language: str
    locale: str
    order: str
    phone: str
    domains: tuple[str, ...]
    frames: tuple[str, ...]
    items: tuple[str, ...]
    topics: Mapping[str, Topic]
    questions: Questions

    def __post_init__(self) -> None:
        """Check what no type says."""
        for name in ("domains", "frames", "items"):
            if not getattr(self, name):
                raise ValueError(f"{name}: an empty list; write one at least")
        if not set("#%") & set(self.order):
            raise ValueError(f"order: {self.order!r} has no place for a digit (# or %)")
        for number, frame in enumerate(self.frames, 1):
            _check_frame(frame, f"frames: {frame!r} (the {number}. one)")
        for name, topic in self.topics.items():
            if not topic.says:
                raise ValueError(
                    f"topics: {name}: says: an empty list; write one sentence at least"
                )
            for sentence in topic.says:
                _known(sentence, IN_SENTENCES, f"topics: {name}: {sentence!r}")
        if len({topic.option for topic in self.topics.values()}) < max(OPTIONS, len(self.topics)):
            raise ValueError(f"topics: {OPTIONS} at least, each with an option of its own")


class Question(msgspec.Struct, frozen=True):
    """What is asked about a letter: `options` to choose from, and `label`, the right one.

    `references`: what a written answer is held against; none where only a choice is asked for.
    """

    text: str
    options: tuple[str, ...]
    label: str
    references: tuple[str, ...] = ()


@cache
def load(language: str = "en") -> Content:
    """The shipped content. Raises `SpecError` that names the file and the key which is wrong."""
    file = catalog.dataset(DATASET).file.with_name(f"{language}.yaml")
    try:
        return msgspec.convert(read_any(file), Content)
    except msgspec.ValidationError as error:
        raise SpecError(f"{file}: {error}") from error


def write(content: Content, count: int, seeds: Seeds) -> list[Case]:
    """`count` letters, their texts not all different where chance has it so.

    Of a case the `target` is the topic as an option reads, `references` the order number,
    `cluster` the sentence that it says ("refund-3"), `groups` the writer's sex.
    """
    from faker import Faker

    faker = Faker(content.locale)
    return [_letter(content, f"letter-{k:05d}", faker, seeds) for k in range(count)]


def ask(case: Case, kind: Kind, content: Content, seeds: Seeds) -> Question:
    """A question about a letter with four options, in an order that is drawn.

    The wrong order numbers differ from the right one in one digit. Only the order number is
    asked for in writing too.
    """
    rng = seeds.rng("question", kind, case.id)
    if kind == "topic":
        right = str(case.target)
        wrong = _some([t.option for t in content.topics.values() if t.option != right], rng)
        return Question(content.questions.topic, _shuffled([right, *wrong], rng), right)
    (right,) = case.references
    wrong = _some(list(_one_digit_off(right)), rng)
    options = _shuffled([right, *wrong], rng)
    return Question(content.questions.order, options, right, (right,))


# ── one letter ───────────────────────────────────────────────────────────────────────────


def _letter(content: Content, name: str, faker: Faker, seeds: Seeds) -> Case:
    rng = seeds.rng("letter", name)
    faker.seed_instance(int(rng.integers(2**32)))
    topic = str(rng.choice(list(content.topics)))
    place = int(rng.integers(len(content.topics[topic].says)))
    frame = str(rng.choice(content.frames))
    sex = ("female", "male")[int(rng.integers(2))]
    item = str(rng.choice(content.items))
    data = _person(content, sex, faker, rng)
    says = content.topics[topic].says[place].format(item=item)
    return Case(
        name,
        frame.format(says=says, **data),
        content.topics[topic].option,
        {SEX: sex},
        f"{topic}-{place + 1}",
        references=(data["order"],),
    )


def _person(content: Content, sex: str, faker: Faker, rng: Rng) -> dict[str, str]:
    """Made-up data of one writer; the e-mail address has two digits that no name gives away."""
    first = faker.first_name_female() if sex == "female" else faker.first_name_male()
    surname = faker.last_name()
    user = f"{_ascii(first)}.{_ascii(surname)}{faker.numerify('##')}"
    return {
        "first": first,
        "name": f"{first} {surname}",
        "order": faker.numerify(content.order),
        "phone": faker.numerify(content.phone),
        "email": f"{user}@{rng.choice(content.domains)}",
        "street": f"{rng.integers(1, 200)} {faker.street_name()}",
        "town": faker.city(),
    }


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain.lower())


# ── options ──────────────────────────────────────────────────────────────────────────────


def _one_digit_off(number: str) -> Iterator[str]:
    """All numbers that differ from this one in one digit."""
    for place, digit in enumerate(number):
        for other in string.digits if digit in string.digits else "":
            if other != digit and not (place == 0 and other == "0"):
                yield number[:place] + other + number[place + 1 :]


def _some(texts: list[str], rng: Rng) -> list[str]:
    return [texts[k] for k in rng.permutation(len(texts))[: OPTIONS - 1]]


def _shuffled(texts: list[str], rng: Rng) -> tuple[str, ...]:
    return tuple(texts[k] for k in rng.permutation(len(texts)))


# ── what a content file must hold ────────────────────────────────────────────────────────


def _check_frame(frame: str, where: str) -> None:
    fields = _known(frame, IN_FRAMES, where)
    for name in ("says", "order"):
        if fields.count(name) != 1:
            raise ValueError(f"{where}: has {{{name}}} {fields.count(name)} times; write it once")
    for what, names in (("name of the writer", NAMED), ("way to reach the writer", REACH)):
        if not set(names) & set(fields):
            raise ValueError(f"{where}: has no {what}; write one of {', '.join(names)} in braces")


def _known(text: str, known: set[str], where: str) -> list[str]:
    """The names in braces, in order. Raises `ValueError` where nothing fills one."""
    fields = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    for name in fields:
        if name not in known:
            raise ValueError(
                f"{where}: nothing fills {{{name}}}; known: {', '.join(sorted(known))}"
            )
    return fields
