"""What the trained models leave behind: JSON, and an entry in the measured error of each probe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import catalog, measured, registry
from fmaudit.selftest.rates import LEAST_POWER, MOST_FALSE_ALARMS

Entries = Sequence[Mapping[str, Any]]


def plain(found: Entries) -> bytes:
    """The entries of `audits.run` as JSON, marked as tier 2."""
    rows = [{"tier": 2, **entry} for entry in found]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n"


def keep(found: Entries) -> list[Path]:
    """Write the entries under `trained` in the file beside each card; returns what was written.

    What was simulated stays as it is.
    """
    written = []
    for probe in dict.fromkeys(str(entry["probe"]) for entry in found):
        card = catalog.probe(probe)
        before = measured.read(card)
        if before is None:
            method = registry.load_method(card.method)
            before = measured.stamp(card, method, subject="")
        mine = tuple(entry for entry in found if entry["probe"] == probe)
        written.append(measured.write(card, msgspec.structs.replace(before, trained=mine)))
    return written


def breaches(found: Entries) -> Iterator[str]:
    """The figures whose false alarms are shown to be above what is promised, in a sentence.

    A handful of models cannot show that they are below it: only the lower bound speaks.
    """
    for entry in found:
        for twin in ("false_alarms", "boundary"):
            rate = entry[twin]
            if rate is not None and rate["low"] > MOST_FALSE_ALARMS:
                hits = round(rate["value"] * rate["seeds"])
                yield f"{name(entry)}: {twin.replace('_', ' ')} {hits} of {rate['seeds']}"


def missed(found: Entries) -> Iterator[str]:
    """The figures whose defect is found less often than is promised, in a sentence."""
    for entry in found:
        rate = entry["power"]
        if rate is not None and rate["high"] < LEAST_POWER:
            hits = round(rate["value"] * rate["seeds"])
            yield f"{name(entry)}: found in {hits} of {rate['seeds']}"


def name(entry: Mapping[str, Any]) -> str:
    """A figure by probe, measure and slice."""
    return " ".join([entry["probe"], entry["measure"], *entry["slice"].values()])
