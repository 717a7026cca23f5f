"""Random draws of cases that anyone can repeat.

A draw ranks the cases by a hash of the seed and of each case's id. It is as good as random, it
does not depend on the order of the rows, and one more row does not reshuffle the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from fmaudit.errors import DataError
from fmaudit.seeds import Seeds
from fmaudit.types import Case, digest, encode


class Draw(Struct, frozen=True):
    """Two random parts of one set of cases, and the record of how they were drawn."""

    members: tuple[Case, ...]
    others: tuple[Case, ...]
    record: Mapping[str, Any]


def unique(cases: Iterable[Case]) -> list[Case]:
    """One case a text, in the order in which the texts first appear.

    Of cases that share a text the one with the smallest id stays, so that the choice does not
    depend on the order of the rows (their labels may differ).
    """
    kept: dict[bytes, Case] = {}
    for case in cases:
        key = hashlib.sha256(encode(case.input)).digest()
        kept[key] = min(kept.get(key, case), case, key=lambda one: one.id)
    return list(kept.values())


def shuffled(cases: Iterable[Case], seeds: Seeds) -> list[Case]:
    """The cases in the random order that the seeds and their ids say."""
    return sorted(cases, key=lambda case: (digest((seeds.audit, seeds.path, case.id)), case.id))


def split(cases: Sequence[Case], members: int, seeds: Seeds, others: int | None = None) -> Draw:
    """Draw `members` cases at random, and `others` (None: all the rest) from what is left.

    Raises `DataError` where two cases share a text (a non-member would equal a member) or
    there are too few cases.
    """
    distinct = len(unique(cases))
    if distinct < len(cases):
        raise DataError(
            f"{len(cases) - distinct} of {len(cases)} cases repeat another's text; "
            "deduplicate them before members and non-members are drawn."
        )
    wanted = members + (others or 0)
    if members < 1 or wanted > len(cases):
        raise DataError(f"cannot draw {wanted} different cases from {len(cases)}.")
    order = shuffled(cases, seeds)
    end = None if others is None else wanted
    drawn, rest = tuple(order[:members]), tuple(order[members:end])
    record = {
        "how": "random: the smallest sha256 of (seed, path, case id)",
        "seed": seeds.audit,
        "path": list(seeds.path),
        "from": len(cases),
        "members": len(drawn),
        "others": len(rest),
        "members_digest": digest(sorted(case.id for case in drawn)),
        "others_digest": digest(sorted(case.id for case in rest)),
    }
    return Draw(drawn, rest, record)


def cell(*attributes: str, target: bool = False) -> Callable[[Case], str]:
    """The stratum of a case: its values of these attributes, and its target where asked."""

    def key(case: Case) -> str:
        values = [case.groups.get(name, "") for name in attributes]
        return " · ".join([*values, case.target or ""] if target else values)

    return key


def stratified(
    cases: Sequence[Case], size: int, stratum: Callable[[Case], str], minimum: int, seeds: Seeds
) -> list[Case]:
    """A random sample of `size` cases that holds `minimum` of every stratum (or all it has).

    What is left after the minima is shared out in proportion to what the strata still have.
    Each drawn case gets its stratum's name and the weight N/n: how many cases of its stratum
    (in their own weights) it stands for, so that weighted figures are those of all `cases`.

    Raises `DataError` where `size` is below the sum of the minima or above the cases.
    """
    strata: dict[str, list[Case]] = {}
    for case in cases:
        strata.setdefault(stratum(case), []).append(case)
    sizes = {name: len(members) for name, members in sorted(strata.items())}
    counts = allocate(sizes, size, minimum)
    sample: list[Case] = []
    for name, count in counts.items():
        share = sizes[name] / count if count else 0.0
        for case in shuffled(strata[name], seeds)[:count]:
            sample.append(replace(case, weight=case.weight * share, stratum=name))
    return shuffled(sample, seeds)


def allocate(sizes: Mapping[str, int], size: int, minimum: int) -> dict[str, int]:
    """How many to draw of each stratum: the minimum, then proportional, never more than it has.

    Largest remainders get the units that rounding leaves; ties go to the first by name.
    """
    floors = {name: min(count, max(minimum, 1)) for name, count in sizes.items()}
    spare = {name: sizes[name] - floors[name] for name in sizes}
    left, room = size - sum(floors.values()), sum(spare.values())
    if left < 0 or left > room:
        raise DataError(
            f"a sample of {size} does not fit: {len(sizes)} strata with a minimum of {minimum} "
            f"need at least {sum(floors.values())}, and there are {sum(sizes.values())} cases."
        )
    shares = {name: divmod(left * spare[name], room or 1) for name in sizes}
    rounded = sum(whole for whole, _ in shares.values())
    by_remainder = sorted(sizes, key=lambda name: (-shares[name][1], name))
    topped = set(by_remainder[: left - rounded])
    return {name: floors[name] + shares[name][0] + (name in topped) for name in sizes}
