"""`fmaudit schema`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Which(StrEnum):
    """What has a schema."""

    spec = "spec"
    record = "record"


def schema(
    which: Annotated[Which, typer.Argument(help="The spec or the record.")] = Which.spec,
) -> None:
    """Print the JSON Schema of the spec or of the record."""
    from fmaudit.cli.shown import show_json

    if which is Which.spec:
        from fmaudit.spec import schema as of_spec

        show_json(of_spec())
    else:
        import msgspec

        from fmaudit.types import AuditRecord

        show_json(msgspec.json.schema(AuditRecord))
