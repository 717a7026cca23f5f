"""The command line: one file a verb; each parses, calls and prints.

Exit codes: 0 done · 1 a rule fails, a figure does not verify or a rule alarms
falsely · 2 the input is wrong ·
3 inconclusive, or nothing tested · 4 a probe or the run broke, or fmaudit itself.
"""

from __future__ import annotations

import sys
import traceback

import typer

from fmaudit.cli import (
    audit,
    datasets,
    evidence,
    models,
    probes,
    quickstart,
    report,
    schema,
    selftest,
    verify,
)
from fmaudit.errors import FmauditError, UserError

INTERRUPTED = 130  # typer's own exit code for Ctrl-C

app = typer.Typer(
    name="fmaudit",
    help="Audit a fine-tuned foundation model: every finding with an interval and a verdict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("quickstart")(quickstart.quickstart)
app.command("audit")(audit.audit)
app.command("report")(report.report)
app.command("verify")(verify.verify)
app.command("evidence")(evidence.evidence)
app.command("selftest")(selftest.selftest)
app.add_typer(probes.app, name="probes")
app.add_typer(datasets.app, name="datasets")
app.add_typer(models.app, name="models")
app.command("schema")(schema.schema)


def main() -> None:
    """Run the command line; a user's mistake is a message without a traceback.

    What nobody foresaw is 4, with its traceback: Python's own 1 would say that a rule fails.
    """
    try:
        app()
    except UserError as error:
        print(f"fmaudit: {error}", file=sys.stderr)
        sys.exit(2)
    except FmauditError as error:
        print(f"fmaudit: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(4)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print(
                "fmaudit: interrupted; the same command goes on where it stopped.", file=sys.stderr
            )
        raise
    except Exception as error:
        traceback.print_exception(error)
        print(
            f"fmaudit: {type(error).__name__}: {error}. This is a defect of fmaudit, which should "
            "have run or said what to mend; please report it with the lines above.",
            file=sys.stderr,
        )
        sys.exit(4)
