"""`fmaudit selftest --trained`: the audits of models that were really trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HEADS = ("figure", "dose", "n", "m", "found", "of clean models", "at the boundary")
TWINS = {"power": "dosed", "false_alarms": "clean", "boundary": "boundary"}


def trained(names: Sequence[str], seeds: int | None, json: Path | None, write: bool) -> int:
    """Train, audit, print, keep; the exit code (1: false alarms above what is promised)."""
    from rich.console import Console

    from fmaudit import catalog
    from fmaudit.selftest.keeping import checkout
    from fmaudit.selftest.trained import audits, keeping
    from fmaudit.selftest.trained.plants import PLANTS

    if write:
        checkout(seeds, audits.SEEDS)
    errors = Console(stderr=True)
    chosen = {card.id for card in catalog.select(names or None)}
    plants = [plant for plant in PLANTS if plant.probe in chosen]
    found = audits.run(
        plants, seeds=seeds or audits.SEEDS, report=lambda line: errors.print(line, highlight=False)
    )
    _show(found)
    if json is not None:
        json.write_bytes(keeping.plain(found))
    if write:
        keeping.keep(found)
    for line in keeping.missed(found):
        print(f"weak    {line}")
    breaches = list(keeping.breaches(found))
    for line in breaches:
        print(f"BREACH  {line}")
    return 1 if breaches else 0


def _show(found: Sequence[Mapping[str, Any]]) -> None:
    from fmaudit.cli.shown import show_table

    if not found:
        print("No trained model is planted for these probes.")
    for probe in dict.fromkeys(entry["probe"] for entry in found):
        mine = [entry for entry in found if entry["probe"] == probe]
        first = mine[0]
        seeds = first["twins"]["dosed"]["seeds"]
        print(f"\n{probe}\n{first['about']}\n{seeds} models a twin; found: {first['sign']}")
        show_table(HEADS, (_row(entry) for entry in mine))
        for name, span in first["beside"].items():
            print(f"{name}: {span['value']:.3f} ({span['low']:.3f} to {span['high']:.3f})")


def _row(entry: Mapping[str, Any]) -> tuple[object, ...]:
    dose = entry["dose"]
    return (
        " ".join([entry["measure"], *entry["slice"].values()]),
        f"{dose['value']:.3f}" if dose else "",
        entry["n"],
        entry["m"],
        _counted(entry, "power", "≥", "low"),
        _counted(entry, "false_alarms", "≤", "high"),
        _counted(entry, "boundary", "≤", "high"),
    )


def _counted(entry: Mapping[str, Any], name: str, sign: str, bound: str) -> str:
    """Of the audits that were judged, how many had the sign."""
    rate = entry[name]
    if rate is None:
        return "not judged" if TWINS[name] in entry["twins"] else ""
    hits = round(rate["value"] * rate["seeds"])
    audits = entry["twins"].get(TWINS[name], rate)["seeds"]
    judged = "" if rate["seeds"] == audits else f" judged of {audits}"
    return f"{hits} of {rate['seeds']}{judged} ({sign} {rate[bound]:.2f})"
