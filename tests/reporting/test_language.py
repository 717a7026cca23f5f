from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.errors import UnknownName
from fmaudit.reporting import noise
from fmaudit.reporting.language import PLAIN, language
from fmaudit.reporting.measured import said, sentence
from fmaudit.reporting.reasons import SHAPES, WHOLE
from fmaudit.reporting.words import Names, family, named, rule, size, span, verdict
from fmaudit.types import VERDICTS, Estimate, Finding, MeasuredError, Rate, Rule

PACKAGE = Path(__file__).parents[2] / "fmaudit"
CHINESE = language("zh")
LATIN = re.compile(r"[A-Za-z]{2,}")


def names(say=CHINESE):
    return Names(
        {"gap": "Equal opportunity difference", "flips": "Flip rate"},
        frozenset({"gap"}),
        frozenset({"kind"}),
        say,
    )


def finding(estimate=None, **changes):
    fields = {"measure": "gap", "slice": {"attribute": "sex"}, "rule": None, "verdict": "measured"}
    return Finding("bias.x", "bias", estimate=estimate, **{**fields, **changes})


def test_a_language_without_a_catalogue_is_named():
    with pytest.raises(UnknownName, match="zh"):
        language("zz")
    assert (language("en").tag, CHINESE.tag) == ("en", "zh-Hans")


def test_english_is_said_as_it_is_written():
    assert PLAIN("%(n)s of 5 %%", n=3) == "3 of 5 %"
    assert PLAIN.plural("%(n)s case", "%(n)s cases", 1) == "1 case"
    assert PLAIN.plural("%(n)s case", "%(n)s cases", 2, n="two") == "two cases"
    assert PLAIN.content("100 % of %(n)s") == "100 % of %(n)s"


def test_a_finding_is_said_in_the_pages_language():
    estimate = Estimate(0.1, 0.05, 0.15, 900, 900, "wilson", low_adj=0.04, high_adj=0.16)
    found = finding(
        estimate,
        rule=Rule("<=", 0.1),
        verdict="inconclusive",
        reason="0.05 to 0.15 does not settle on which side of 0.1 the value lies",
        needed_n=1400,
        positive="yes, granted",
    )
    assert names().sentence(found) == (
        "机会均等差异，sex 各群体之间（正类：yes, granted）：0.100（95% 区间 0.050 至 0.150）；"
        "规则为 ≤ 0.1（fmaudit 默认值）。0.05 至 0.15 无法确定数值落在 0.1 的哪一侧。"
        "若真值等于估计值，约 1\u2009400 个案例可以作出判定；样本量应事先确定。"
    )


def test_a_reason_of_no_known_shape_stays_as_the_record_has_it():
    found = finding(reason="the planets stood wrong")
    assert names().sentence(found).endswith("没有数值。The planets stood wrong.")
    assert names().why(found) == "The planets stood wrong."


def test_the_datas_own_names_are_not_translated():
    where = names().where
    assert where(finding(measure="flips", slice={"sex": "low", "race": "text"})) == (
        "sex：low，race：text"
    )
    assert where(finding(measure="flips", slice={"kind": "keyboard"})) == "类型：键盘"
    assert named("groups, race, text", CHINESE) == "群体，race，text"
    assert named("files 2, columns", CHINESE) == "文件 2，列"
    assert named("groups, race, text") == "groups, race, text"
    assert family("of_my_own", CHINESE) == "Of my own"


def test_parts_of_a_slice_and_of_the_floor():
    assert names().part("kind", "keyboard") == ("类型", "键盘")
    assert names().part("race", "keyboard") == ("race", "keyboard")
    assert noise.of("target", "classify", CHINESE) == "被审计的模型，类别得分"
    assert noise.of("target", "classify") == "the audited model, class scores"
    assert noise.of("judge", "rank") == "judge, rank"
    assert [noise.condition(c, CHINESE) for c in ("padded", "float8")] == ["填充", "float8"]


def test_verdicts_rules_and_intervals():
    said_ = [verdict(name, CHINESE) for name in VERDICTS]
    assert len(set(said_)) == len(VERDICTS)
    assert not any(map(LATIN.search, said_))
    assert rule(Rule(">=", 0.8, "law"), CHINESE) == "≥ 0.8（依据法律）"
    assert rule(None, CHINESE) == span(None, None, None, CHINESE) == "无"
    assert span(0.1, 0.25, 2, CHINESE) == "0.10 至 0.25"
    assert (size(12, CHINESE), size(2048, CHINESE)) == ("12 字节", "2 KiB")


def test_a_measured_error_is_said_without_a_word_of_english():
    rate = Rate(0.96, 0.9399, 1, 400)
    error = MeasuredError(0.15, 1500, 7, rate, rate, rate, wrong_passes=rate, stale=True)
    text = sentence(error, CHINESE)
    assert not LATIN.search(text)
    assert "1\u2009500" in text
    assert "至少 93%" in text
    estimate = Estimate(0.1, 0.05, 0.15, 100, 100, "wilson")
    unknown = said(finding(estimate, rule=Rule("<=", 0.1)), {}, CHINESE)
    assert unknown
    assert not LATIN.search(unknown)


FLOOR = {
    "largest": {"again": 0.0, "alone": 0.2, "padded": 0.9},
    "flips": {"again": 0.0, "alone": 0.01, "padded": 0.02},
    "answered": {"again": 500, "alone": 500, "padded": 500},
}
COMPARED = {"dtype": "bfloat16", "flips": 0.01, "items": 500, "largest": 0.03, "padded": 0.0}


@pytest.mark.parametrize(
    "found",
    [
        FLOOR,
        {**FLOOR, "float32": COMPARED},
        {**FLOOR, "flips": {"again": 0.2}},
        {**FLOOR, "largest": {"again": 0.5}, "flips": {"again": 0.0}},
        {**FLOOR, "largest": {"again": 0.0}, "flips": {"again": 0.0}},
        {"largest": {}, "flips": {}, "answered": {}},
        {**FLOOR, "float32": {"note": "served in float32: nothing to compare"}},
    ],
)
def test_the_floor_is_said_anew_from_its_figures(found):
    english = noise.words("classify", found)
    page = {**found, "words": english}
    assert noise.spoken("classify", page) == english
    chinese = noise.spoken("classify", page, CHINESE)
    assert len(chinese) == len(english)
    left = re.sub("float32|bfloat16", "", "".join(chinese))
    assert not LATIN.search(left)
    assert set(re.findall(r"\d\.\d+", left)) == set(re.findall(r"\d\.\d+", "".join(english)))


def test_a_floor_without_words_says_nothing():
    assert noise.spoken("classify", FLOOR, CHINESE) == []
    assert noise.spoken("attribute", {**FLOOR, "words": ["Said."]}) == ["Said."]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_reason_is_found_again_by_its_shape(shape):
    keys = re.findall(r"%\((\w+)\)s", shape)
    assert keys
    values = {key: f"7{key}7" for key in keys}
    said_ = CHINESE.recorded(shape % values)
    assert said_ == CHINESE.messages.gettext(shape) % values
    assert said_ != shape % values
    assert PLAIN.recorded(shape % values) == shape % values


def test_a_value_of_a_reason_is_said_too():
    text = "46 clusters of rows with the positive label, fewer than the 50 asked for"
    assert CHINESE.recorded(text) == "带有正类标签的行所成的簇仅有 46 个，少于要求的 50 个"
    sliced = "no rows with direction male↔female"
    assert CHINESE.recorded(sliced) == "没有方向男性↔女性的数据行"
    assert CHINESE.recorded("no scored tokens among the rows") == "数据行中没有计分的词元数"
    few = "9 clusters of sentence pairs, fewer than the 30 asked for"
    assert CHINESE.recorded(few) == "句对所成的簇仅有 9 个，少于要求的 30 个"
    nested = "no rows: the text has no religion term (20 of 20 rows)"
    assert CHINESE.recorded(nested) == "没有数据行：文本中没有宗教词（20 行中的 20 行）"


@given(st.text())
def test_any_text_can_stand_in_a_record(text):
    assert isinstance(CHINESE.recorded(text), str)
    assert CHINESE.recorded(f"§{text}%(n)s") == f"§{text}%(n)s"


def _written():
    """Every string of the package outside the reasons; of an f-string the parts between values."""
    for path in PACKAGE.rglob("*.py"):
        if not path.name.startswith("reasons"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_every_known_reason_is_still_given_somewhere():
    written = "\n".join(_written())
    for text in (*SHAPES, *WHOLE):
        for part in re.split(r"%\(\w+\)s|[:;,] ", text):  # some are put together of several
            part = part.strip(" '():;,").replace("%%", "%").removeprefix("no ")
            assert part in written or part.replace(" ", "_") in written, text


def test_sentences_in_a_row():
    assert CHINESE.joined(["甲。", "乙。", "End.", "丙。"]) == "甲。乙。End. 丙。"
    assert PLAIN.joined(["One.", "Two."]) == "One. Two."
    assert PLAIN.joined([]) == ""
    assert (PLAIN.listed(["a", "b"]), CHINESE.listed(["a", "b"])) == ("a, b", "a，b")
