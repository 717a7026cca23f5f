from __future__ import annotations

import json
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit import types
from fmaudit.types import (
    VERDICTS,
    AuditRecord,
    Case,
    Classify,
    Coverage,
    Embed,
    Embedding,
    Estimate,
    Exhibit,
    Failure,
    FillMask,
    Fills,
    Finding,
    Input,
    Logits,
    Pair,
    Request,
    Response,
    Rule,
    Tokenize,
    Tokens,
    decode,
    digest,
    encode,
    one_text,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
inputs = st.one_of(texts, st.builds(Pair, texts, texts))
mappings = st.dictionaries(texts, texts, max_size=3)
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), finite, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
details = st.dictionaries(texts, plain, max_size=3)
cases = st.builds(
    Case,
    id=texts,
    input=inputs,
    target=st.none() | texts,
    groups=mappings,
    cluster=texts,
    weight=finite,
    stratum=texts,
)
asked = {
    "input": inputs,
    "on": texts,
    "under": st.sampled_from(["", "alone", "padded"]),
    "dtype": st.sampled_from(["", "float32"]),
    "replica": st.integers(0, 9),
}
requests = st.one_of(
    st.builds(Classify, **asked),
    st.builds(Tokenize, **asked),
    st.builds(
        Embed, **asked | {"input": texts}, layer=st.integers(-99, 99),
        pool=st.sampled_from(["mean", "first", "last"]),
    ),
    st.builds(FillMask, **asked | {"input": texts}, after=texts, most=st.integers(1, 99)),
)  # fmt: skip
counts = st.integers(0, 10**9)
responses = st.one_of(
    st.builds(Logits, st.lists(finite, max_size=4).map(tuple), counts, counts),
    st.builds(Tokens, st.lists(counts, max_size=4).map(tuple), counts),
    st.builds(Embedding, st.lists(finite, max_size=4).map(tuple), counts, counts),
    st.builds(Fills, st.lists(texts).map(tuple), st.lists(finite).map(tuple), counts),
    st.builds(Failure, texts, st.booleans()),
)
maybe = st.none() | finite
rules = st.builds(
    Rule, st.sampled_from(["<=", ">="]), finite, st.sampled_from(["law", "policy", "default"])
)
estimates = st.builds(
    Estimate,
    value=finite,
    low=maybe,
    high=maybe,
    n=counts,
    clusters=counts,
    method=texts,
    low_adj=maybe,
    high_adj=maybe,
    p_fail=maybe,
    p_pass=maybe,
    details=details,
)
findings = st.builds(
    Finding,
    probe=texts,
    family=texts,
    measure=texts,
    slice=mappings,
    estimate=st.none() | estimates,
    rule=st.none() | rules,
    verdict=st.sampled_from(VERDICTS),
    reason=texts,
    needed_n=st.none() | counts,
    evidence=texts,
    positive=st.none() | texts,
    controls=st.lists(texts, max_size=2).map(tuple),
)
records = st.builds(
    AuditRecord,
    **dict.fromkeys(["audit", "model", "data", "environment", "floor", "costs"], details),
    findings=st.lists(findings, max_size=2).map(tuple),
    exhibits=st.lists(st.builds(Exhibit, texts, st.just("table"), texts, details), max_size=2).map(
        tuple
    ),
    coverage=st.lists(st.builds(Coverage, texts, texts, st.just("ran")), max_size=2).map(tuple),
)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Case, cases),
        (Input, inputs),
        (Request, requests),
        (Response, responses),
        (Finding, findings),
        (AuditRecord, records),
    ],
    ids=["Case", "Input", "Request", "Response", "Finding", "AuditRecord"],
)
def test_json_reads_back_to_an_equal_value(kind, values):
    @settings(max_examples=40, deadline=None)
    @given(values)
    def both_ways(value):
        written = encode(value)
        again = decode(written, kind)
        assert again == value
        assert type(again) is type(value)
        assert encode(again) == written

    both_ways()


@given(finite)
def test_a_float_reads_back_to_the_same_bits(value):
    again = decode(encode(value), float)
    assert struct.pack("<d", again) == struct.pack("<d", value)


@given(details)
def test_json_is_canonical(value):
    shuffled = dict(reversed(list(value.items())))
    assert encode(shuffled) == encode(value)
    assert digest(shuffled) == digest(value)
    assert json.loads(encode(value)) == value


def test_keys_are_sorted_at_every_depth_and_nothing_is_spaced():
    assert (
        encode({"b": {"z": 1, "a": "ä"}, "a": [1, 2]}) == '{"a":[1,2],"b":{"a":"ä","z":1}}'.encode()
    )
    written = encode(Classify("x", under="alone"))
    assert written == (
        b'{"dtype":"","input":"x","on":"target","replica":0,"type":"classify","under":"alone"}'
    )


def test_a_text_and_a_pair_of_the_same_letters_are_told_apart():
    assert digest(Classify("a")) != digest(Classify(Pair("a", "")))
    assert digest(Classify("a")) != digest(Tokenize("a"))


def test_requests_are_keys_and_differ_by_condition_and_replica():
    same = {Classify(Pair("a", "b")), Classify(Pair("a", "b"))}
    assert len(same) == 1
    others = {
        Classify("a"),
        Classify("a", under="alone"),
        Classify("a", under="padded"),
        Classify("a", dtype="float32"),
        Classify("a", under="padded", dtype="float32"),
        Classify("a", replica=1),
        Classify("a", on="base"),
        Tokenize("a"),
    }
    assert len(others) == 8


def test_nouns_are_frozen():
    for noun in (Case("a", "x"), Classify("a"), Logits((1.0,)), Failure("f"), Rule("<=", 1.0)):
        name = noun.__struct_fields__[0]
        with pytest.raises(AttributeError):
            setattr(noun, name, "changed")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"type": "classify"}', Request),
        (b'{"type": "transcribe", "input": "x"}', Request),
        (b'{"type": "classify", "input": "x", "under": "water"}', Request),
        (b'{"type": "logits", "values": ["1.0"]}', Response),
        (b'{"type": "logits", "values": [null]}', Response),
        (b'{"op": "<", "value": 1}', Rule),
        (b"{}", AuditRecord),
    ],
)
def test_what_does_not_fit_is_refused(data, kind):
    with pytest.raises(msgspec.ValidationError):
        decode(data, kind)


def test_every_verdict_has_its_place_in_the_order_of_the_report():
    assert set(VERDICTS) == set(types.Verdict.__args__)
    assert len(set(VERDICTS)) == len(VERDICTS)


def test_a_passage_stands_above_its_question():
    assert one_text(Pair("The sky is blue.", "Which colour?")) == "The sky is blue.\nWhich colour?"
    assert one_text("Which colour?") == "Which colour?"
