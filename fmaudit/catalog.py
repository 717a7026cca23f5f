"""The catalogue: the cards of `probes/` and `datasets/`, found, checked and resolved.

Content lies inside the installed package (`_content`) or, in a checkout, beside it; more
folders of the same shape may be named (`extra`), and a card there wins over a shipped one of
the same id.

    probes/<family>/<name>.yaml      a probe card; its id is "<family>.<name>"
    datasets/<id>/card.yaml          a dataset card
    datasets/<id>/<list>.yaml        a word list, named "list:<id>/<list>" in a probe's params
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from fmaudit.cards import MAX_GATED, DatasetCard, MeasureCard, ProbeCard, RuleCard
from fmaudit.documents import read, read_any, validate
from fmaudit.errors import SpecError, UnknownName
from fmaudit.spec import PolicyRule, ProbeChoice
from fmaudit.types import digest as digest_of

__all__ = [
    "DatasetCard",
    "MeasureCard",
    "ProbeCard",
    "RuleCard",
    "dataset",
    "datasets",
    "digest",
    "lists",
    "probe",
    "probes",
    "resolve_params",
    "roots",
    "select",
    "word_list",
]

Extra = Sequence[Path]
C = TypeVar("C", ProbeCard, DatasetCard)


def roots(extra: Extra = ()) -> tuple[Path, ...]:
    """The folders that hold `probes/`, `datasets/` and `reports/`; the first one wins."""
    package = Path(str(files("fmaudit")))
    content = package / "_content"
    for folder in extra:
        if not folder.is_dir():
            raise SpecError(f"{folder}: no such folder of cards.")
    return (*extra, content if content.is_dir() else package.parent)


def probes(extra: Extra = ()) -> dict[str, ProbeCard]:
    """All probe cards by id, in the order of their ids. Raises `SpecError` on a bad card."""
    return {name: _probe(name, path) for name, path in _probe_files(extra).items()}


def probe(name: str, extra: Extra = ()) -> ProbeCard:
    """The probe card of that id. Raises `UnknownName`."""
    found = _probe_files(extra)
    if name not in found:
        raise UnknownName("probe", name, found)
    return _probe(name, found[name])


def datasets(extra: Extra = ()) -> dict[str, DatasetCard]:
    """All dataset cards by id, in the order of their ids. Raises `SpecError` on a bad card."""
    return {name: _dataset(name, path) for name, path in _dataset_files(extra).items()}


def dataset(name: str, extra: Extra = (), where: str = "") -> DatasetCard:
    """The dataset card of that id. Raises `UnknownName`."""
    found = _dataset_files(extra)
    if name not in found:
        raise UnknownName("dataset card", name, found, where)
    return _dataset(name, found[name])


def select(
    choices: Iterable[str | ProbeChoice] | None, extra: Extra = (), where: str = ""
) -> list[ProbeCard]:
    """The chosen probe cards, in the order of their ids, with the user's parameters and rules.

    A choice names a family ("bias") or a probe ("bias.group_outcomes"); None chooses all.
    The user's rules get the origin "policy"; where the choice says no `over`, a rule goes to
    the measure's gated figures, or if there are none to the figure over all rows, or else to
    every figure of the measure.

    Raises:
        UnknownName: no such family, probe or measure; with the nearest right one.
        SpecError: parameters or rules given to a whole family, or to one probe twice.
    """
    found = _probe_files(extra)
    families = {name.partition(".")[0] for name in found}
    if choices is None:
        return [_probe(name, path) for name, path in found.items()]
    chosen: dict[str, ProbeChoice] = {}
    for choice in choices:
        entry = ProbeChoice(id=choice) if isinstance(choice, str) else choice
        for name in _named(entry, found, families, where):
            mine = entry if entry.id == name else ProbeChoice(id=name)
            earlier = chosen.get(name, mine)
            if _tuned(mine) and _tuned(earlier) and mine != earlier:
                raise SpecError(f"{_in(where)}{name} is configured twice; keep one entry.")
            chosen[name] = mine if _tuned(mine) else earlier
    cards = ((_probe(name, found[name]), chosen[name]) for name in sorted(chosen))
    return [_configured(card, choice, where) for card, choice in cards]


def resolve_params(card: ProbeCard, extra: Extra = ()) -> dict[str, Any]:
    """The card's parameters, each "list:<dataset>/<name>" replaced by that list's content."""
    return {key: _filled(value, extra, str(card.file)) for key, value in card.params.items()}


def digest(card: ProbeCard, extra: Extra = ()) -> str:
    """sha256 of what the card says (the user's changes included) and of the lists it uses.

    Comments and the order of keys do not count; a changed word in a used list does. So does any
    change in the folder of a data set that the probe brings.
    """
    named = sorted(set(_lists_in(card.params)))
    used = {name: _list_file(name, extra, str(card.file)) for name in named}
    if card.data.card is not None:
        folder = dataset(card.data.card, extra, f"{card.file}: data.card").file.parent
        used |= {f"{folder.name}/{path.name}": path for path in sorted(folder.glob("*.yaml"))}
    sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in used.items()}
    return digest_of({"card": card.model_dump(mode="json"), "lists": sums})


# ── finding and reading cards ────────────────────────────────────────────────────────────


def _probe_files(extra: Extra) -> dict[str, Path]:
    return _by_id(
        (f"{path.parent.name}.{path.stem}", path)
        for root in reversed(roots(extra))
        for path in (root / "probes").glob("*/*.yaml")
    )


def _dataset_files(extra: Extra) -> dict[str, Path]:
    return _by_id(
        (path.parent.name, path)
        for root in reversed(roots(extra))
        for path in (root / "datasets").glob("*/card.yaml")
    )


def _by_id(found: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    return dict(sorted(dict(found).items()))


def _probe(name: str, path: Path) -> ProbeCard:
    return _card(ProbeCard, name, path, "probe card")


def _dataset(name: str, path: Path) -> DatasetCard:
    return _card(DatasetCard, name, path, "dataset card")


def _card(kind: type[C], name: str, path: Path, words: str) -> C:
    card = validate(kind, read(path, words))
    if card.id != name:
        raise SpecError(
            f"{path}: the id reads {card.id!r}, but the place of the file says {name!r}; "
            "make them agree."
        )
    return card.at(path)


# ── the user's choice ────────────────────────────────────────────────────────────────────


def _named(
    entry: ProbeChoice, found: Mapping[str, Path], families: set[str], where: str
) -> list[str]:
    """The ids that a choice stands for."""
    if entry.id in found:
        return [entry.id]
    if entry.id not in families:
        raise UnknownName("probe or family", entry.id, [*families, *found], where)
    if _tuned(entry):
        raise SpecError(
            f"{_in(where)}{entry.id} is a family; `params`, `rules`, `sample` belong to one probe. "
            f"Name it by id: {', '.join(n for n in found if n.startswith(entry.id + '.'))}."
        )
    return [name for name in found if name.partition(".")[0] == entry.id]


def _tuned(entry: ProbeChoice) -> bool:
    return bool(entry.params or entry.rules or entry.sample)


def _configured(card: ProbeCard, choice: ProbeChoice, where: str) -> ProbeCard:
    """The card with the user's parameters and rules laid over its own."""
    measures = card.measures
    for name, rule in choice.rules.items():
        known = {entry.measure for entry in card.measures}
        if name not in known:
            raise UnknownName(f"measure of {card.id}", name, known, where)
        measures = tuple(new for old in measures for new in _ruled(old, name, rule, measures))
    changed = card.model_copy(
        update={
            "params": {**card.params, **choice.params},
            "measures": measures,
            "sample": choice.sample or card.sample,
        }
    )
    if changed.gated > MAX_GATED:
        raise SpecError(
            f"{_in(where)}{card.id} would have {changed.gated} gated measures; "
            f"at most {MAX_GATED} may gate. Take rules away by writing `measure: null`."
        )
    return changed


def _ruled(
    entry: MeasureCard, name: str, rule: PolicyRule | None, entries: Sequence[MeasureCard]
) -> list[MeasureCard]:
    """An entry of the card under the user's rule: itself, changed, or cut in two by axis."""
    if entry.measure != name:
        return [entry]
    if rule is None:
        return [entry.model_copy(update={"rule": None})]
    same = [e for e in entries if e.measure == name]
    if rule.over is not None:
        wanted = set(rule.over)
    elif any(e.rule for e in same):
        wanted = {axis for e in same if e.rule for axis in e.over}
    elif any("all" in e.over for e in same):
        wanted = {"all"}
    else:
        wanted = {axis for e in same for axis in e.over}
    gated = tuple(axis for axis in entry.over if axis in wanted)
    rest = tuple(axis for axis in entry.over if axis not in wanted)
    policy = RuleCard(op=rule.op, value=rule.value, origin="policy")
    ruled = [entry.model_copy(update={"over": gated, "rule": policy})] if gated else []
    return ruled + ([entry.model_copy(update={"over": rest})] if rest else [])


def _in(where: str) -> str:
    return f"{where}: " if where else ""


# ── word lists ───────────────────────────────────────────────────────────────────────────

_LIST = "list:"


def _filled(value: Any, extra: Extra, where: str) -> Any:
    if isinstance(value, str) and value.startswith(_LIST):
        return read_any(_list_file(value, extra, where))
    if isinstance(value, Mapping):
        return {key: _filled(inner, extra, where) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(inner, extra, where) for inner in value]
    return value


def _lists_in(value: Any) -> Iterable[str]:
    if isinstance(value, str) and value.startswith(_LIST):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _lists_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _lists_in(inner)


def lists(extra: Extra = ()) -> dict[str, Path]:
    """Every word list by its name, "list:<dataset>/<name>"."""
    return {
        f"{_LIST}{path.parent.name}/{path.stem}": path
        for root in reversed(roots(extra))
        for path in (root / "datasets").glob("*/*.yaml")
        if path.name != "card.yaml"
    }


def word_list(name: str, extra: Extra = (), where: str = "") -> Any:
    """The content of a word list. Raises `UnknownName`, `SpecError`."""
    return read_any(_list_file(name, extra, where))


def _list_file(name: str, extra: Extra, where: str) -> Path:
    known = lists(extra)
    if name not in known:
        raise UnknownName("word list", name, known, where)
    return known[name]
