from __future__ import annotations

import errno
from pathlib import Path

import pytest

from fmaudit import errors
from fmaudit.errors import DiskFull, FmauditError, UnknownName, UserError, room_for


def drawn() -> dict[str, int]:
    """The tree on top of the module: name → depth."""
    found = {}
    for line in str(errors.__doc__).splitlines():
        word = line.lstrip("│├└─ ").split(" ")[0]
        if word.isidentifier() and hasattr(errors, word):
            found[word] = (len(line) - len(line.lstrip("│├└─ "))) // 4
    return found


def test_the_tree_on_top_is_the_tree():
    classes = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, FmauditError)
    }
    depths = {name: len(kind.__mro__) - len(FmauditError.__mro__) for name, kind in classes.items()}
    assert drawn() == depths


def test_an_unknown_name_says_where_and_the_nearest_right_one():
    said = UnknownName("column", "labels", ["label", "text", "sex"], "audit.yaml: data.label")
    assert str(said) == (
        "audit.yaml: data.label: unknown column 'labels'. Did you mean 'label'? "
        "Known: label, sex, text."
    )
    assert (said.name, said.near) == ("labels", ("label",))
    assert isinstance(said, UserError)


def test_an_unknown_name_with_nothing_near_or_nothing_at_all():
    assert "Did you mean" not in str(UnknownName("probe", "zzz", ["bias.group_outcomes"]))
    assert str(UnknownName("probe", "x", [])) == "unknown probe 'x'. Known: none."


def test_a_long_list_of_names_is_cut_and_says_so():
    said = str(UnknownName("column", "x", [f"c{k:03}" for k in range(100)]))
    assert "c019, …." in said
    assert "c020" not in said


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_which_file_and_that_the_same_command_goes_on(number):
    with pytest.raises(DiskFull, match="same command") as caught, room_for(Path("run/audit.json")):
        raise OSError(number, "no room")
    assert "run/audit.json" in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_other_faults_of_the_system_stay_what_they_are():
    with pytest.raises(PermissionError), room_for(Path("x")):
        raise PermissionError(errno.EACCES, "not yours")
