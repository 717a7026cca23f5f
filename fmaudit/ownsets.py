"""The data sets that probes bring themselves: opened where one is needed, and not before.

An audit opens no connection for a probe that happens to apply: of a set that has to be fetched,
and was not, it says so. What is asked for by its probe's name is fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fmaudit import catalog, sources
from fmaudit.cards import DatasetCard
from fmaudit.data import CaseSource, open_cases
from fmaudit.errors import UserError
from fmaudit.matching import Had
from fmaudit.spec import DataSpec


@dataclass
class OwnSets:
    """Data set → its cases.

    `wanted`: sets of probes that the spec names one by one. `extra`: folders of the user's own
    cards.
    """

    wanted: frozenset[str] = frozenset()
    extra: Sequence[Path] = ()
    cache: Path | None = None
    _opened: dict[str, CaseSource] = field(default_factory=dict)

    def __getitem__(self, name: str) -> CaseSource:
        """The set's cases.

        Raises:
            UserError: it cannot be fetched, or is not what its card says.
        """
        if name not in self._opened:
            asked = DataSpec(card=name)
            self._opened[name] = open_cases(asked, where=name, extra=self.extra, cache=self.cache)
        return self._opened[name]

    def had(self, name: str) -> Had | str:
        """What its cases have; or why the set is none that can be tried.

        Raises:
            UserError: as above, of a set that was wanted or that lies in files.
        """
        card = catalog.dataset(name, self.extra)
        if name in self.wanted or _lies_in_files(card):
            return Had.of(self[name].survey)
        if not at_hand(card, self.cache):
            return f"needs the data set {name}; fetch it with `fmaudit datasets fetch {name}`"
        try:
            return Had.of(self[name].survey)
        except UserError as error:
            return f"needs the data set {name}, which cannot be read: {error}"


def at_hand(card: DatasetCard, cache: Path | None = None) -> bool:
    """Whether a data set can be read without a network: it lies in files, or was fetched."""
    named = [(f.source, f.sha256) for f in card.files]
    named += [(f.beside, f.beside_sha256) for f in card.files if f.beside]
    return all(
        sources.at_hand(source, sha256=sha256, cache=cache, repo_type="dataset")
        for source, sha256 in named
    )


def _lies_in_files(card: DatasetCard) -> bool:
    return all(
        sources.parse(source).scheme == "file"
        for file in card.files
        for source in (file.source, file.beside)
        if source is not None
    )
