"""Token sequences that begin alike, as one tree: what they share is read once.

    The cat sat ─┬─ on the mat
                 └─ down

Each node is a token, each sequence a path from the root. Read as one row, with a mask in which a
token sees its ancestors alone and with its depth as its position, a causal model predicts at every
node what it would predict there in a row of that sequence's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ROOT = -1

Place = tuple[int, int]
"""A node, and the token that is asked for after it."""


@dataclass(frozen=True)
class Tree:
    """Nodes in an order in which parents come first.

    `tokens`, `parents` (`ROOT` of the first token), `depths`: one a node. `asked`: for each
    sequence the places whose predictions score it, in order.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    depths: tuple[int, ...]
    asked: tuple[tuple[Place, ...], ...]

    @property
    def branches(self) -> bool:
        """Whether it is more than one path, so that reading it takes a mask of its own."""
        return any(parent != k - 1 for k, parent in enumerate(self.parents))

    @property
    def deepest(self) -> int:
        """How many tokens its longest path has."""
        return max(self.depths, default=-1) + 1

    def mask(self) -> npt.NDArray[np.bool_]:
        """(nodes, nodes): whether the node of a row sees that of a column."""
        seen = np.eye(len(self.tokens), dtype=bool)
        for node, parent in enumerate(self.parents):
            if parent != ROOT:
                seen[node] |= seen[parent]
        return seen


def grow(sequences: Sequence[tuple[Sequence[int], int]]) -> Tree:
    """The tree of token sequences, each with the place of its first token that is scored.

    A sequence's last token is asked for and never read, so that it is no node.

    >>> grow([((7, 8, 1), 2), ((7, 8, 2, 3), 2)]).tokens
    (7, 8, 2)
    """
    tokens: list[int] = []
    parents: list[int] = []
    depths: list[int] = []
    children: dict[Place, int] = {}
    asked = []
    for sequence, first in sequences:
        node, mine = ROOT, []
        for place, token in enumerate(sequence):
            if place >= first:
                mine.append((node, token))
            if place == len(sequence) - 1:
                break
            if (node, token) not in children:
                children[node, token] = len(tokens)
                tokens.append(token)
                parents.append(node)
                depths.append(place)
            node = children[node, token]
        asked.append(tuple(mine))
    return Tree(tuple(tokens), tuple(parents), tuple(depths), tuple(asked))
