"""What the verbs print: the outcome of an audit, tables, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from fmaudit.reporting.measured import said
from fmaudit.types import VERDICTS, Finding

if TYPE_CHECKING:
    from fmaudit.flow import Audit

MEANING = {
    0: "every rule that was tested passes",
    1: "a rule fails",
    3: "inconclusive, or something that was asked for could not be tested",
    4: "a probe broke",
}
WORDS = {"not_tested": "not tested"}


def console() -> Console:
    """Standard output, as wide as a finding's line where it is not a terminal."""
    found = Console()
    return found if found.is_terminal else Console(width=120)


def show_audit(done: Audit, ends: int | None = None) -> None:
    """Verdicts by family, what does not pass, and where the report lies.

    `ends`: the command's exit code, where it is not the audit's.
    """
    out = console()
    table_ = Table("family", *(WORDS.get(v, v) for v in VERDICTS))
    families = sorted({f.family for f in done.record.findings})
    for family in families:
        mine = [f.verdict for f in done.record.findings if f.family == family]
        table_.add_row(family, *(str(mine.count(v) or "·") for v in VERDICTS))
    out.print(table_)
    for finding in _headline(done):
        out.print(Text(f"{'measured':<13}{sentence(finding)}"))
    for verdict in ("error", "fail", "inconclusive", "pass"):
        found = [f for f in done.record.findings if f.verdict == verdict]
        for finding in found[:10]:
            out.print(Text(f"{verdict:<13}{sentence(finding)}"))
            if error := said(finding, done.record.probes.get(finding.probe, {})):
                out.print(Text(f"{'':<13}{error}", style="dim"))
        if len(found) > 10:
            out.print(Text(f"{verdict:<13}and {len(found) - 10} more"))
    for finding in done.record.findings:
        if finding.rule is not None and finding.verdict == "not_tested":
            out.print(Text(f"{'not tested':<13}{sentence(finding)}"))
    for c in done.record.coverage:
        if c.failed_rows:
            out.print(Text(f"{'failed':<13}{c.failed_rows} of {c.rows} rows of {c.probe}"))
        if c.status in ("not_tested", "error"):
            out.print(Text(f"{WORDS.get(c.status, c.status):<13}{c.probe}: {c.reason}"))
    if repeated := done.record.data.get("repeated"):
        rows = done.record.data["rows"]
        out.print(Text(f"{'repeated':<13}{repeated} of {rows} cases repeat an earlier one in full"))
    out.print(Text(f"report       {done.run / 'report.html'}"))
    ruled = any(f.rule is not None for f in done.record.findings)
    meaning = MEANING[done.exit_code] if ruled or done.exit_code else _no_rule(done)
    code = f"({done.exit_code})"
    if ends not in (None, done.exit_code):
        code = f"({done.exit_code} as the exit code of an audit; here {ends})"
    out.print(Text(f"outcome      {meaning} {code}"))


def _no_rule(done: Audit) -> str:
    """Why no figure was held against a rule."""
    cards = done.record.probes.values()
    if any(entry.get("rule") for card in cards for entry in card.get("measures", ())):
        return (
            "none gates: the cards' rules are for a model of two classes; `rules` in the spec set "
            "yours"
        )
    return "no rule was set, none gates"


def _headline(done: Audit) -> list[Finding]:
    """Accuracy and F1 over all cases: F1 of the favourable class, or macro where there is none."""
    positive = done.record.model.get("positive")
    wanted = [("accuracy", None), ("f1", positive) if positive else ("f1_macro", None)]
    return [
        f
        for measure, class_ in wanted
        for f in done.record.findings
        if f.family == "performance"
        and (f.measure, f.positive, dict(f.slice)) == (measure, class_, {})
        and f.verdict == "measured"
    ]


def sentence(finding: Finding) -> str:
    """One finding in a line: what, where, how much, against which rule."""
    where = ", ".join(f"{k} {v}" for k, v in finding.slice.items()) or "all"
    text = f"{finding.probe} {finding.measure} ({where})"
    estimate, rule = finding.estimate, finding.rule
    if estimate is not None:
        text += f": {estimate.value:.3g}"
        if estimate.low is not None and estimate.high is not None:
            text += f" [{estimate.low:.3g}, {estimate.high:.3g}]"
        text += f", n = {estimate.n}"
    if rule is not None:
        text += f"; rule {rule.op} {rule.value:g} ({rule.origin})"
    if finding.needed_n is not None:
        cases = "cases in the smaller group" if "attribute" in finding.slice else "cases"
        text += f"; about {finding.needed_n} {cases} would decide it, if the estimate is the truth"
    if finding.reason:
        text += f"; {finding.reason}"
    return text


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; cells are shown whole and as they are, never as markup; a row's name is one word."""
    table_ = Table(*(Column(column, overflow="fold") for column in columns))
    table_.columns[0].no_wrap = True
    for row in rows:
        table_.add_row(*(Text(str(cell)) for cell in row))
    console().print(table_)


def show_json(value: Any) -> None:
    """Indented JSON on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
