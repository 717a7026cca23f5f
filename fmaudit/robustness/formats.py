"""Formats as typed content: what `datasets/prompt_formats/*.yaml` hold.

A person without Python writes them, so reading them checks them: the message names the key and
what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter

from msgspec import Struct


class Format(Struct, frozen=True, forbid_unknown_fields=True):
    """How a question and its options are laid out, and how an answer goes on behind them.

    `labels`: one character an option, in order; so no label begins another. `prompt` holds
    {question} and {options}; `option` {label} and {option}; `between` stands between two options;
    `answer` holds {label} and begins with the space, if any, that stands before it.
    """

    labels: str
    prompt: str
    option: str
    answer: str
    between: str = "\n"

    def __post_init__(self) -> None:
        """Check what types cannot. Raises ValueError that names the key."""
        if len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: two characters or more, all different")
        _check("prompt", self.prompt, {"question", "options"})
        _check("option", self.option, {"label", "option"})
        _check("answer", self.answer, {"label"})

    def lay(self, question: str, options: Sequence[str]) -> str:
        """The prompt.

        >>> short = Format("AB", "Q: {question} {options}", "({label}) {option}", " {label}", " ")
        >>> short.lay("Is it?", ["yes", "no"])
        'Q: Is it? (A) yes (B) no'
        """
        listed = (
            self.option.format(label=label, option=option)
            for label, option in zip(self.labels, options, strict=False)
        )
        return self.prompt.format(question=question, options=self.between.join(listed))

    def answers(self, count: int) -> tuple[str, ...]:
        """How the answer reads that names each of the first `count` options."""
        return tuple(self.answer.format(label=label) for label in self.labels[:count])


class Formats(Struct, frozen=True, forbid_unknown_fields=True):
    """The formats of one language, by name; all of them mean the same."""

    language: str
    formats: Mapping[str, Format]

    def __post_init__(self) -> None:
        """Raises ValueError where two formats are one."""
        names: dict[Format, str] = {}
        for name, found in self.formats.items():
            if found in names:
                raise ValueError(f"formats: {name} is {names[found]} again; leave one of them out")
            names[found] = name

    def check(self, names: Sequence[str], key: str) -> None:
        """Raises ValueError that names the key and the right names where one is unknown."""
        for name in names:
            if name not in self.formats:
                known = ", ".join(self.formats)
                raise ValueError(f"{key}: there is no format {name!r}. Known: {known}")


def _check(key: str, template: str, slots: set[str]) -> None:
    try:
        parsed = [found for found in Formatter().parse(template) if found[1] is not None]
    except ValueError as error:
        raise ValueError(f"{key}: {template!r} cannot be read: {error}") from None
    plain = all(not spec and not conversion for _, _, spec, conversion in parsed)
    if not plain or sorted(str(name) for _, name, _, _ in parsed) != sorted(slots):
        wanted = " and ".join(f"{{{slot}}}" for slot in sorted(slots))
        raise ValueError(
            f"{key}: {template!r} must hold {wanted}, once each, and no other braces "
            "(write '{{' and '}}' for the signs themselves)"
        )
