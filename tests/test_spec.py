from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmaudit.errors import SpecError, UserError
from fmaudit.spec import AuditSpec, from_mapping, load, resolved, schema

THREE_LINES = """
model: {path: ./my-model, base: "hub:org/base-model@main"}
data:  {source: file:validation.csv, text: text, label: label, groups: [sex, race]}
probes: [bias, {id: bias.group_outcomes, rules: {accuracy: {op: ">=", value: 0.8}}}]
"""


def spec_file(folder: Path, text: str = THREE_LINES) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def minimal(**changed: Any) -> dict[str, Any]:
    return {"model": {"path": "m"}, "data": {"source": "x.csv"}, **changed}


def complaint(mapping: Any) -> str:
    with pytest.raises(UserError) as caught:
        from_mapping(mapping)
    return str(caught.value)


def test_three_lines_are_enough(tmp_path: Path) -> None:
    spec = load(spec_file(tmp_path))
    assert spec.name == "mine"
    assert spec.model.path == str(tmp_path / "my-model")
    assert spec.model.base == "hub:org/base-model@main"
    assert spec.data.source == str(tmp_path / "validation.csv")
    assert spec.data.groups == ("sex", "race")
    assert [choice.id for choice in spec.probes or ()] == ["bias", "bias.group_outcomes"]
    assert spec.seed == 0
    assert spec.chunk == 4096
    assert spec.batch_tokens is None
    assert spec.evidence.texts == "keep"


def test_a_model_may_be_one_word_and_absolute_paths_stay(tmp_path: Path) -> None:
    spec = from_mapping({"model": str(tmp_path), "data": {"source": "/data/x.csv"}})
    assert spec.model.path == str(tmp_path)
    assert spec.data.source == "/data/x.csv"
    assert spec.probes is None


def test_resolved_prints_every_default_and_reads_back(tmp_path: Path) -> None:
    spec = load(spec_file(tmp_path))
    plain = resolved(spec)
    assert set(plain) == set(AuditSpec.model_fields)
    assert plain["model"]["dtype"] == "auto"
    assert plain["data"]["encoding"] == "utf-8"
    assert plain["probes"][0] == "bias"
    again = tmp_path / "elsewhere" / "spec.yaml"
    again.parent.mkdir()
    again.write_text(yaml.safe_dump(plain), encoding="utf-8")
    assert load(again) == spec


def test_words_that_yaml_takes_for_truth_are_class_names(tmp_path: Path) -> None:
    text = "model: {callable: 'm:f', labels: [no, yes, 3]}\ndata: {source: x.csv, positive: yes}\n"
    spec = load(spec_file(tmp_path, text))
    assert spec.model.labels == ("no", "yes", "3")
    assert spec.data.positive == "yes"


def test_all_problems_are_said_at_once_with_line_and_near_name(tmp_path: Path) -> None:
    text = """model: {path: ./m, dtype: float23}
data:
  source: file:x.csv
  txet: text
  label: 1
  groups: sex
sed: 3
chunk: 0
probes: [{id: bias.x, rules: {accuracy: {op: "<", value: "3"}}}]
"""
    with pytest.raises(SpecError) as caught:
        load(spec_file(tmp_path, text))
    said = str(caught.value)
    assert "mine.yaml: 8 problems" in said
    assert "line 1, model.dtype: unknown value 'float23'. Did you mean 'float32'" in said
    assert "line 4, data.txet: unknown key 'txet'. Did you mean 'text'?" in said
    assert "line 5, data.label: must be text (write it in quotes), not the number 1" in said
    assert "line 6, data.groups: must be a list, not the text 'sex'" in said
    assert "line 7, sed: unknown key 'sed'. Did you mean 'seed'?" in said
    assert "line 8, chunk: must be at least 1, not the number 0" in said
    assert "line 9, probes[0].rules.accuracy.op: unknown value '<'" in said
    assert "line 9, probes[0].rules.accuracy.value: must be a number" in said


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({}, "model: missing; this key is required"),
        ({"model": "m"}, "data: missing"),
        (minimal(model={}), "no model is named; write `path:` or `callable:`"),
        (minimal(model={"path": "m", "callable": "a:b"}), "exclude each other"),
        (minimal(model={"callable": "a:b"}), "does not name its classes"),
        (minimal(model={"callable": "ab", "labels": ["x"]}), "'package.module:function'"),
        (minimal(model={"path": "m", "labels": ["x", "x"]}), "names a class twice"),
        (minimal(model={"path": "m", "labels": []}), "empty list"),
        (minimal(model=["m"]), "must be a mapping of keys to values, not a list"),
        (minimal(model={"path": "ftp:x"}), "model.path: unknown kind of source 'ftp'"),
        (minimal(data={}), "no data are named; write `source:` or `card:`"),
        (minimal(data={"source": "x", "card": "adult"}), "exclude each other"),
        (minimal(data={"source": "x", "groups": ["a", "a"]}), "names a column twice"),
        (
            minimal(data={"source": "x", "options": ["a", "b", "a"]}),
            "`options` names a column twice",
        ),
        (minimal(data={"source": "x", "references": ["a", "a"]}), "`references` names a column"),
        (minimal(data={"source": "x", "options": []}), "an empty list says nothing"),
        (minimal(data={"source": "x", "options": 3}), "data.options: must be a list"),
        (minimal(data={"source": "x", "options": [3]}), "data.options[0]: must be text"),
        (minimal(data={"source": "x", "optoins": "a"}), "Did you mean 'options'"),
        (minimal(model={"path": "m", "chat": "sometimes"}), "unknown value 'sometimes'"),
        (
            minimal(model={"path": "m", "chat": True}),
            "must be one of auto, always, never, not true",
        ),
        (minimal(data={"source": "pypi:x>=1"}), "data.source: 'pypi:x>=1' must name one package"),
        (minimal(data={"source": "x", "format": "cvs"}), "Did you mean 'csv'"),
        (minimal(data={"source": "x", "limit": 0}), "must be at least 1"),
        (minimal(probes=[]), "an empty list says nothing"),
        (minimal(probes=[3]), "must be a mapping of keys to values, not the number 3"),
        (minimal(probes=[{"id": "a.b", "parms": {}}]), "Did you mean 'params'"),
        (minimal(seed=1.5), "seed: must be a whole number, not the number 1.5"),
        (minimal(seed=True), "seed: must be a whole number, not true"),
        (minimal(seed=-1), "seed: must be at least 0"),
        (minimal(evidence={"texts": "drop"}), "unknown value 'drop'"),
        (minimal(name="../up"), "cannot name a folder"),
        (minimal(name=""), "cannot name a folder"),
        (
            minimal(scorers={"tox": {"callable": "a:b", "labels": ["x", "y"]}}),
            "scorers.tox: a scorer's model has a key of its own: `model: {callable: …, labels: …}`",
        ),
        (minimal(scorers={"tox": 3}), "scorers.tox: must be a mapping"),
        (minimal(scorers={"tox": ["path"]}), "scorers.tox: must be a mapping"),
        ("words", "a spec is a mapping"),
    ],
)
def test_each_mistake_is_named(mapping: Any, said: str) -> None:
    assert said in complaint(mapping)


def test_another_adapter_names_its_models_in_its_own_way() -> None:
    spec = from_mapping(minimal(model={"path": "fair:0.1", "adapter": "fake"}))
    assert spec.model.path == "fair:0.1"


@pytest.mark.parametrize("adapter", ["auto", "classifier", "causal", "masked", "seq2seq"])
def test_models_of_these_adapters_are_sources(tmp_path: Path, adapter: str) -> None:
    text = f"model: {{path: ./tuned, base: ./base, adapter: {adapter}}}\ndata: {{source: x.csv}}\n"
    spec = load(spec_file(tmp_path, text))
    assert (spec.model.path, spec.model.base) == (str(tmp_path / "tuned"), str(tmp_path / "base"))
    wrong = {"path": "m", "base": "ftp:x", "adapter": adapter}
    assert "model.base: unknown kind of source 'ftp'" in complaint(minimal(model=wrong))


def test_a_base_that_is_not_there_is_told_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "my-model").mkdir()
    (tmp_path / "my-basis").mkdir()
    text = THREE_LINES.replace('"hub:org/base-model@main"', "./my-base")
    with pytest.raises(UserError, match=r"mine\.yaml: model\.base: .*Did you mean 'my-basis'"):
        load(spec_file(tmp_path, text))
    (tmp_path / "my-base").mkdir()
    assert load(spec_file(tmp_path, text)).model.base == str(tmp_path / "my-base")


@pytest.mark.parametrize(
    "model", [{"path": "in memory"}, {"adapter": "fake", "path": "."}, {"path": "gone"}]
)
def test_a_base_is_looked_for_beside_a_model_that_is_there(model: dict[str, Any]) -> None:
    spec = from_mapping(minimal(model={**model, "base": "nowhere"}))
    assert spec.model.base is not None


def test_options_and_references_are_a_column_or_several(tmp_path: Path) -> None:
    text = """model: {path: m, chat: never}
data: {source: x.jsonl, text: question, options: [a, b], references: answer, label: right}
"""
    spec = load(spec_file(tmp_path, text))
    assert spec.model.chat == "never"
    assert (spec.data.options, spec.data.references) == (("a", "b"), ("answer",))
    assert from_mapping(resolved(spec)) == spec
    plain = from_mapping(minimal())
    assert (plain.data.options, plain.data.references, plain.model.chat) == (None, None, "auto")


def test_a_loaded_spec_cannot_be_changed() -> None:
    spec = from_mapping(minimal())
    with pytest.raises(Exception, match="frozen"):
        spec.seed = 3  # type: ignore[misc]


def test_the_schema_is_json_and_knows_the_short_forms() -> None:
    text = json.dumps(schema())
    assert '"additionalProperties": false' in text
    assert {"type": "string"} in schema()["properties"]["model"]["anyOf"]
    options = json.dumps(schema()["$defs"]["DataSpec"]["properties"]["options"])
    assert '{"type": "string"}' in options
    assert '"type": "array"' in options
