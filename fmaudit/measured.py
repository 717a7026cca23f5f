"""The measured error of a probe's rules: what `fmaudit selftest` found, kept beside its card.

    probes/<family>/<name>.measured.json       of the card <name>.yaml in the same folder
    probes/audit.measured.json                 of whole audits by all the cards

It was measured for the code and the rules of its day. Where either has changed since it is
stale: shown as such, never hidden, never taken for an answer about another threshold.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from fmaudit import __version__
from fmaudit.cards import ProbeCard
from fmaudit.errors import SpecError
from fmaudit.registry import Method
from fmaudit.types import Estimate, Finding, MeasuredError, Rate, Rule, encode

T = TypeVar("T")

SUFFIX = ".measured.json"
WHOLE = "audit.measured.json"

_STATS = Path(__file__).parent / "stats"
_DECIDING = ("verdicts", "multiplicity")


class Simulated(Struct, frozen=True, forbid_unknown_fields=True):
    """How often one rule of a probe errs at one size (see `types.MeasuredError`).

    `op`, `value`: the rule. `n`: independent units; of a gap between groups, in the smaller
    group of its pair.
    """

    measure: str
    op: str
    value: float
    dose: float
    n: int
    m: int
    power: Rate
    false_alarms: Rate
    boundary: Rate
    wrong_passes: Rate | None = None

    def error(self, stale: bool) -> MeasuredError:
        """The same as it stands beside a finding."""
        return MeasuredError(
            dose=self.dose,
            n=self.n,
            m=self.m,
            power=self.power,
            false_alarms=self.false_alarms,
            boundary=self.boundary,
            wrong_passes=self.wrong_passes,
            stale=stale,
        )


class Measured(Struct, frozen=True, forbid_unknown_fields=True):
    """A probe's measured error. `subject`: how its models were made up.

    `method_digest` and `measures_digest` are of the code that was measured, `fmaudit` its
    version, `params` the method's parameters (None: not on record). `trained`: the same of
    really trained models, where that was done.
    """

    probe: str
    fmaudit: str
    method_digest: str
    measures_digest: str
    subject: str
    figures: tuple[Simulated, ...]
    params: Mapping[str, Any] | None = None
    trained: tuple[Mapping[str, Any], ...] = ()


class Whole(Struct, frozen=True, forbid_unknown_fields=True):
    """Whole simulated audits of one kind of model by all its shipped probes, each at n units.

    `n`: probe → its n. `m`: family → size of its Holm family. `false_alarms`: share of audits
    of a clean model in which any rule fails. `boundary`: family → share in which any of its
    rules fails where every figure lies at its threshold.
    """

    n: Mapping[str, int]
    m: Mapping[str, int]
    false_alarms: Rate
    boundary: Mapping[str, Rate]


@dataclass(frozen=True)
class Known:
    """What is known of the errors of a probe in an audit.

    `changed`: the code or the parameters are not what was measured. `stale`: every reason why
    what was measured does not speak of this card and this code; () where it does.
    """

    found: Measured
    changed: bool
    stale: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        """The same as it stands in a record."""
        plain: dict[str, Any] = msgspec.to_builtins(self.found)
        return plain | {"changed": self.changed, "stale": list(self.stale)}

    def beside(self, finding: Finding) -> Finding:
        """A finding with the error of its rule, at the largest n that is not above its own.

        As it is, where this rule was not measured, or only for more units than it has.
        """
        rule, estimate = finding.rule, finding.estimate
        if rule is None or estimate is None:
            return finding
        fits = [
            f
            for f in self.found.figures
            if f.measure == finding.measure and _same_rule(f, rule) and f.n <= units(estimate)
        ]
        if not fits:
            return finding
        error = max(fits, key=lambda f: f.n).error(self.changed)
        return msgspec.structs.replace(finding, measured_error=error)


def path_of(card: ProbeCard) -> Path:
    """Where a card's measured error lies."""
    return card.file.with_name(card.file.stem + SUFFIX)


def read(card: ProbeCard) -> Measured | None:
    """A card's measured error; None where it has not been measured.

    Raises:
        SpecError: the file is not what `fmaudit selftest --write` writes.
    """
    return _read(path_of(card), Measured, f"fmaudit selftest {card.id} --write")


def write(card: ProbeCard, found: Measured) -> Path:
    """Write a card's measured error beside it."""
    return _write(path_of(card), found)


def read_whole(folder: Path) -> dict[str, Whole] | None:
    """Kind of model → the error of whole audits by the probes of that folder, None unmeasured.

    Raises `SpecError` as `read` does.
    """
    return _read(folder / WHOLE, dict[str, Whole], "fmaudit selftest --write")


def write_whole(folder: Path, found: Mapping[str, Whole]) -> Path:
    """Write the error of whole audits into the folder of the probes."""
    return _write(folder / WHOLE, found)


def stamp(card: ProbeCard, method: Method, subject: str) -> Measured:
    """A measured error without figures, of the card and the code as they are now."""
    return Measured(
        probe=card.id,
        fmaudit=__version__,
        method_digest=method.digest(),
        measures_digest=measures_digest(_gated(card)),
        subject=subject,
        figures=(),
        params=parameters(card, method),
    )


def parameters(card: ProbeCard, method: Method) -> dict[str, Any]:
    """What the card says of its method's parameters, over the method's defaults."""
    fields = msgspec.structs.fields(method.params)
    own = {f.name: f.default for f in fields if f.default is not msgspec.NODEFAULT}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(own | card.params))
    return plain


def known(card: ProbeCard, method: Method) -> Known | None:
    """What was measured of a card's rules, against the card and the code as they are now."""
    found = read(card)
    if found is None:
        return None
    code = []
    if found.method_digest != method.digest():
        code.append("the method has changed since")
    names = {f.measure for f in found.figures} or set(_gated(card))
    if found.measures_digest != measures_digest(names):
        code.append("the statistics have changed since")
    if found.params is not None:
        then, now = (
            {name: value for name, value in params.items() if name not in method.choosing}
            for params in (found.params, parameters(card, method))
        )
        if then != now:
            code.append("other parameters than measured")
    return Known(found, bool(code), (*code, *_other_rules(found, card)))


def units(estimate: Estimate) -> int:
    """What the size of an audit is counted in: independent units, of the limiting cell."""
    return int(estimate.details.get("limiting_clusters", estimate.clusters))


def _other_rules(found: Measured, card: ProbeCard) -> Iterator[str]:
    """The card's rules that are not those that were measured."""
    for entry in card.measures:
        mine = [f for f in found.figures if f.measure == entry.measure]
        if entry.rule and not any(_same_rule(f, entry.rule.rule()) for f in mine):
            then = ", ".join(sorted({f"{f.op} {f.value:g}" for f in mine}))
            was = f"measured for {then}" if then else "not measured"
            yield f"{entry.measure} {entry.rule.op} {entry.rule.value:g}: {was}"


def _read(path: Path, kind: type[T], cure: str) -> T | None:
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: {error}. Write it anew: {cure}") from error


def _write(path: Path, found: Any) -> Path:
    text = msgspec.json.format(encode(found), indent=2)
    path.write_bytes(text + b"\n")
    return path


def measures_digest(names: Iterable[str]) -> str:
    """sha256 over the source that decides these measures: theirs, what it imports of `stats`."""
    import fmaudit.stats.measures  # noqa: F401  (loads every measure)

    files = {_STATS / f"{name}.py" for name in _DECIDING}
    files |= {file for name in names for file in _homes(name)}
    waiting = set(files)
    while waiting:
        more = {f for file in waiting for f in _imports(file)} - files
        files, waiting = files | more, more
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file.relative_to(_STATS)}\0".encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def _gated(card: ProbeCard) -> list[str]:
    return sorted({entry.measure for entry in card.measures if entry.rule})


def _same_rule(figure: Simulated, rule: Rule) -> bool:
    return (figure.op, figure.value) == (rule.op, rule.value)


def _homes(name: str) -> Iterator[Path]:
    """The file that defines a measure; none where it is no longer there."""
    prefix = "fmaudit.stats.measures."
    for module in [m for n, m in sys.modules.items() if n.startswith(prefix)]:
        if any(measure.name == name for measure in getattr(module, "MEASURES", ())):
            yield Path(str(module.__file__))


def _imports(file: Path) -> set[Path]:
    """The modules of `stats` that a file of it imports; what only gathers names is left out."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fmaudit.stats"):
            folder = _STATS.joinpath(*str(node.module).split(".")[2:])
            found |= {folder.with_suffix(".py"), *(folder / f"{a.name}.py" for a in node.names)}
    return {path for path in found if path.is_file() and path.name != "__init__.py"}
