"""Trees of token sequences: nothing is lost, nothing is read twice, nobody sees a stranger."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.models.trees import ROOT, grow

# few tokens, so that sequences run together and part again
tokens = st.integers(0, 3)


@st.composite
def scored(draw):
    """Sequences, each with the place of the first token that is scored."""
    found = draw(st.lists(st.lists(tokens, min_size=2, max_size=9), min_size=1, max_size=6))
    return [(tuple(one), draw(st.integers(1, len(one) - 1))) for one in found]


def path(tree, node):
    """The tokens from the root to a node."""
    found = []
    while node != ROOT:
        found.append(tree.tokens[node])
        node = tree.parents[node]
    return tuple(reversed(found))


def test_what_is_shared_stands_once():
    tree = grow([((7, 8, 1, 4), 2), ((7, 8, 2), 2), ((7, 8, 1, 5), 2)])
    assert tree.tokens == (7, 8, 1)
    assert tree.parents == (ROOT, 0, 1)
    assert tree.depths == (0, 1, 2)
    assert tree.asked == (((1, 1), (2, 4)), ((1, 2),), ((1, 1), (2, 5)))
    assert not tree.branches


def test_two_ways_out_of_one_node_are_branches():
    tree = grow([((7, 1, 4, 9), 1), ((7, 2, 4, 9), 1)])
    assert tree.tokens == (7, 1, 4, 2, 4)
    assert tree.branches
    assert tree.mask().astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 1, 1],
    ]


def test_a_sequence_alone_is_a_path_seen_as_ever():
    tree = grow([((3, 1, 2, 0), 1)])
    assert tree.depths == (0, 1, 2)
    assert np.array_equal(tree.mask(), np.tri(3, dtype=bool))


@given(scored())
def test_every_sequence_is_read_back_along_its_path(sequences):
    tree = grow(sequences)
    assert len(tree.asked) == len(sequences)
    for (sequence, first), places in zip(sequences, tree.asked, strict=True):
        assert [token for _, token in places] == list(sequence[first:])
        for k, (node, _) in enumerate(places):
            assert path(tree, node) == sequence[: first + k]


@given(scored())
def test_each_beginning_is_one_node(sequences):
    tree = grow(sequences)
    beginnings = {s[:n] for s, _ in sequences for n in range(1, len(s))}
    paths = [path(tree, node) for node in range(len(tree.tokens))]
    assert len(paths) == len(set(paths))
    assert set(paths) == beginnings


@given(scored())
def test_a_node_sees_its_ancestors_and_itself(sequences):
    tree = grow(sequences)
    mask = tree.mask()
    for node in range(len(tree.tokens)):
        seen, at = set(), node
        while at != ROOT:
            seen.add(at)
            assert at <= node, "parents come first"
            at = tree.parents[at]
        assert set(np.flatnonzero(mask[node])) == seen
        assert tree.depths[node] == len(seen) - 1


@settings(max_examples=30)
@given(st.lists(tokens, min_size=2, max_size=9), st.integers(2, 5))
def test_equal_sequences_take_the_room_of_one(sequence, times):
    tree = grow([(sequence, 1)] * times)
    assert tree.tokens == tuple(sequence[:-1])
    assert len(set(tree.asked)) == 1
    assert not tree.branches


@pytest.mark.parametrize("sequences", [[], [((5,), 0)]])
def test_nothing_before_what_is_asked_is_no_node(sequences):
    assert grow(sequences).tokens == ()
