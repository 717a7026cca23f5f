from __future__ import annotations

from pathlib import Path

import pytest

from fmaudit.documents import read, read_any
from fmaudit.errors import SpecError


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "spec.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = "a: [no, yes, on, true, 010, 1e-3, 2024-01-01, '1', ~, 1:30, .5, -3]"
    found = read(written(tmp_path, text)).data["a"]
    assert found == ["no", "yes", "on", True, 10, 0.001, "2024-01-01", "1", None, "1:30", 0.5, -3]


def test_keys_are_text(tmp_path: Path) -> None:
    data = read(written(tmp_path, "a: {null: x, 1: y, no: z, true: w}")).data
    assert data == {"a": {"null": "x", "1": "y", "no": "z", "true": "w"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("# nothing but a comment\n", "the file is empty"),
        ("- a\n- b\n", "holds a list"),
        ("just words", "holds the text 'just words'"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands twice (first on line 1)"),
        ("a:\n  b: 1\n  b: 2\n", "line 3: the key 'b' stands twice (first on line 2)"),
        ("a: [1, 2\nb: 3\n", "line 2"),
        ("a: !!python/object/apply:os.getcwd []\n", "line 1"),
        ("? [a, b]\n: 1\n", "a key must be a word"),
        (b"name: caf\xe9\n", "byte 9 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(written(tmp_path, text))
    assert said in str(caught.value)
    assert "spec.yaml" in str(caught.value)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    written(tmp_path, "a: 1")
    with pytest.raises(SpecError, match=r"no such file. Did you mean 'spec.yaml'"):
        read(tmp_path / "spce.yaml")
    with pytest.raises(SpecError, match="a folder"):
        read(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")).data == {"a": 1, "b": 2}


def test_a_list_may_have_any_shape(tmp_path: Path) -> None:
    assert read_any(written(tmp_path, "- no\n- yes\n")) == ["no", "yes"]
