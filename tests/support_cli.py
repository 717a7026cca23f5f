"""What a user reads of the command line where it refuses."""

from __future__ import annotations


def refused(said, *words: str) -> None:
    assert said.code == 2, said.out + said.err
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err, said.err
