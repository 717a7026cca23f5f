from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from fmaudit.privacy.members import EMPTY, PAIRED, REPEATED, SHARED, UNLABELLED, once, sides
from fmaudit.types import Case, Pair


def case(name: str, text: str | Pair, member: bool, target: str | None = "no") -> Case:
    return Case(name, text, target, member=member)


def test_what_says_nothing_of_membership_is_dropped_with_its_reason() -> None:
    found = sides(
        [
            case("a", "one  text\n", True),
            case("b", "one text", True),
            case("c", "on both sides", True),
            case("d", " on both\tsides", False),
            case("e", " \n", False),
            case("f", "without a label", False, None),
            case("g", "others", False),
        ]
    )
    assert [kept.id for kept in found.kept] == ["a", "g"]
    assert found.dropped == {
        "b": REPEATED,
        "c": SHARED,
        "d": SHARED,
        "e": EMPTY,
        "f": UNLABELLED,
    }
    assert (found.of(True), found.of(False)) == (1, 1)


def test_overlap_is_the_larger_share_of_different_texts() -> None:
    inside = [case(f"m{k}", f"text {k}", True) for k in range(100)]
    outside = [case(f"o{k}", f"text {k + 98}", False) for k in range(20)]
    again = [case("again", "text 99", False)]
    assert sides(inside + outside + again).overlap == 2 / 20
    assert sides(inside).overlap == 0.0
    assert sides([]).kept == ()


def test_pairs_are_compared_by_both_texts() -> None:
    found = sides([case("a", Pair("p", "q"), True), case("b", Pair("p", "r"), False)])
    assert found.dropped == {}
    found = sides([case("a", Pair("p ", "q"), True), case("b", Pair("p", " q"), False)])
    assert set(found.dropped) == {"a", "b"}


rows = st.lists(
    st.tuples(st.sampled_from(["a", "b ", " b", "c", "d", ""]), st.booleans()), max_size=25
)


@given(rows, st.randoms(use_true_random=False))
def test_no_text_is_left_twice_whatever_the_order(
    drawn: list[tuple[str, bool]], generator: random.Random
) -> None:
    cases = [case(f"{k:02d}", text, member) for k, (text, member) in enumerate(drawn)]
    found = sides(cases)
    assert len({str(kept.input).strip() for kept in found.kept}) == len(found.kept)
    assert {kept.id for kept in found.kept} | set(found.dropped) == {c.id for c in cases}
    mixed = list(cases)
    generator.shuffle(mixed)
    again = sides(mixed)
    assert (dict(again.dropped), again.overlap) == (dict(found.dropped), found.overlap)


def test_a_language_model_needs_no_label_and_reads_one_text() -> None:
    found = sides(
        [
            case("a", "one", True, None),
            case("b", "two", False, "no"),
            case("c", Pair("p", "q"), True),
            case("d", Pair(" ", ""), False),
            case("e", " ", False, None),
        ],
        classified=False,
    )
    assert [kept.id for kept in found.kept] == ["a", "b"]
    assert found.dropped == {"c": PAIRED, "d": PAIRED, "e": EMPTY}
    assert found.overlap == 0.0


def test_each_text_has_its_smallest_id() -> None:
    some = [case("c", "a  b", True), case("a", "a b", True), case("b", "c", False)]
    assert once(some) == {("a b",): "a", ("c",): "b"}
