from __future__ import annotations

import msgspec
import pytest

from fmaudit import evidence
from fmaudit.reporting.html import render
from fmaudit.reporting.tokens import STEPS, Maps, maps
from fmaudit.types import Case, Exhibit, Pair, Row

PROBE = "explanations.integrated_gradients"
COLUMNS = {
    "predicted": int,
    "converged": bool,
    "comprehensiveness": float,
    "random_comprehensiveness": float,
    "word_parts": list[int],
    "word_starts": list[int],
    "word_ends": list[int],
    "word_scores": list[float],
}


def row(case, scores, spans, parts=None):
    values = {
        "predicted": 1,
        "converged": True,
        "comprehensiveness": 0.5,
        "random_comprehensiveness": 0.125,
        "word_parts": parts or [0] * len(scores),
        "word_starts": [s for s, _ in spans],
        "word_ends": [e for _, e in spans],
        "word_scores": scores,
    }
    return Row(case, values)


@pytest.fixture
def explained(record, tmp_path):
    """Write rows as evidence and read them as the report does."""

    def read(rows, **options):
        path = tmp_path / "evidence" / f"{PROBE}.parquet"
        with evidence.Writer(path, COLUMNS) as out:
            out.write(rows)
        shown = Exhibit(PROBE, "tokens", "Words", options)
        return maps(tmp_path, msgspec.structs.replace(record, exhibits=(shown,)))[0]

    return read


def test_words_keep_their_order_and_what_stands_between_them(explained):
    case = Case("a", "Good,  but <b>slow</b>.", target="no")
    found = explained([row(case, [2.0, -1.0, 0.1], [(0, 5), (7, 10), (11, 23)])])
    (text,) = found.texts
    assert "".join(piece.text for piece in text.pieces) == case.input
    assert [(p.text, p.shade) for p in text.pieces if p.score is not None] == [
        ("Good,", STEPS),
        ("but", -STEPS // 2),
        ("<b>slow</b>.", 0),
    ]
    assert [p.text for p in text.strongest] == ["Good,", "but", "<b>slow</b>."]
    assert ("probability lost without its strongest words", "0.50 (at random 0.12)") in text.notes


def test_a_pairs_texts_stand_one_after_the_other(explained):
    case = Case("a", Pair("one two", "two three"))
    spans = [(0, 3), (4, 7), (0, 3), (4, 9)]
    (text,) = explained([row(case, [1.0, 2.0, 3.0, 4.0], spans, [0, 0, 1, 1])]).texts
    assert "".join(p.text for p in text.pieces) == "one two\ntwo three"
    assert [p.score for p in text.pieces if p.score is not None] == [1.0, 2.0, 3.0, 4.0]


def test_texts_without_a_map_are_passed_over(explained):
    blank = Row(Case("a", "x"), {}, reason="fewer than 5 words")
    found = explained([blank, row(Case("b", "word"), [0.0], [(0, 4)])])
    assert [p.shade for text in found.texts for p in text.pieces if p.score is not None] == [0]
    assert explained([blank]).missing == "no text could be explained"


def test_no_text_is_shown_where_digests_were_kept(record, tmp_path):
    shown = Exhibit(PROBE, "tokens", "Words", {})
    hidden = msgspec.structs.replace(
        record, exhibits=(shown,), audit={**record.audit, "evidence_texts": "hash"}
    )
    assert "digests" in maps(tmp_path, hidden)[0].missing


def test_the_page_escapes_words_and_says_the_sign_in_numbers(explained, record):
    case = Case("a", "<script>x</script> fine", target="no")
    found = explained([row(case, [2.0, -1.5], [(0, 18), (19, 23)])])
    probe = next(iter(record.probes))
    page = render(record, (), [Maps(probe, found.title, found.texts)])
    assert "<script>x" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "+2.000" in page
    assert "-1.500" in page
