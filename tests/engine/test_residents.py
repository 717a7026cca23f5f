"""Which models are in memory at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.residents import ROOM, Residents, free_memory
from fmaudit.engine.runner import LocalRunner
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.types import Classify

WEIGHS = 100


@dataclass
class Memory:
    """A machine's memory, which loaded models take up."""

    size: int
    inside: list[str] = field(default_factory=list)

    def free(self) -> int:
        return self.size - WEIGHS * len(self.inside)


@dataclass
class Heavy:
    """A handle of a model that takes up memory for as long as somebody holds it."""

    name: str
    memory: Memory
    footprint: int = WEIGHS
    loads: int = 0

    @property
    def key(self) -> str:
        return self.name

    def load(self):
        self.loads += 1
        self.memory.inside.append(self.name)
        return Weights(self)


class Weights(FakeClassifier):
    """Gone from memory when the last reference is."""

    def __init__(self, handle: Heavy) -> None:
        super().__init__(lambda text: hashed(handle.name + text), key=handle.name)
        self.handle = handle

    def __del__(self) -> None:
        self.handle.memory.inside.remove(self.handle.name)


def runners(tmp_path, size, *, footprint=WEIGHS, count=2):
    memory = Memory(size)
    residents = Residents(memory.free)
    handles = [Heavy(f"m{k}", memory, footprint) for k in range(count)]
    made = [
        LocalRunner(h, tmp_path / f"{h.name}.sqlite", Costs(), Silent(), residents=residents)
        for h in handles
    ]
    return memory, handles, made


def in_turns(made, times=3):
    """Ask each model something new, one after the other."""
    return [
        runner.answer([Classify(f"text {turn}")])[0].values
        for turn in range(times)
        for runner in made
    ]


def expected(handles, times=3):
    return [hashed(f"{h.name}text {turn}") for turn in range(times) for h in handles]


def test_models_that_fit_stay(tmp_path):
    memory, handles, made = runners(tmp_path, WEIGHS + ROOM * WEIGHS)
    assert in_turns(made) == expected(handles)
    assert [h.loads for h in handles] == [1, 1]
    assert sorted(memory.inside) == ["m0", "m1"]


def test_where_two_do_not_fit_one_goes_before_the_other_comes(tmp_path):
    memory, handles, made = runners(tmp_path, WEIGHS + ROOM * WEIGHS - 1)
    assert in_turns(made) == expected(handles)
    assert [h.loads for h in handles] == [3, 3]
    assert memory.inside == ["m1"]


def test_it_is_loaded_before_it_is_asked_and_not_for_what_is_stored(tmp_path):
    _, handles, made = runners(tmp_path, 0)
    in_turns(made, times=1)
    assert [h.loads for h in handles] == [1, 1]
    in_turns(made, times=1)
    assert [h.loads for h in handles] == [1, 1]


def test_all_others_go_where_three_do_not_fit(tmp_path):
    memory, handles, made = runners(tmp_path, 3.5 * WEIGHS, count=3)
    assert in_turns(made, times=1) == expected(handles, times=1)
    assert memory.inside == ["m2"]


def test_a_model_of_unknown_weight_drives_nobody_out(tmp_path):
    memory, handles, made = runners(tmp_path, 0, footprint=0)
    in_turns(made)
    assert [h.loads for h in handles] == [1, 1]
    assert sorted(memory.inside) == ["m0", "m1"]


def test_where_nobody_knows_what_is_free_all_stay():
    gone = []

    class One:
        def release(self):
            gone.append(self)

    residents = Residents(lambda: None)
    for one in (One(), One()):
        residents.admit(one, WEIGHS)
    assert gone == []


def test_a_model_makes_no_room_for_itself():
    """What is let go of is another's."""
    gone = []

    class One:
        def release(self):
            gone.append(self)

    one = One()
    residents = Residents(lambda: 0)
    residents.admit(one, WEIGHS)
    residents.admit(one, WEIGHS)
    assert gone == []


def test_a_runner_alone_has_residents_of_its_own(tmp_path):
    handle = Heavy("m", Memory(0))
    runner = LocalRunner(handle, tmp_path / "a.sqlite", Costs(), Silent())
    runner.answer([Classify("a")])
    runner.release()
    assert handle.memory.inside == []
    runner.answer([Classify("b")])
    assert handle.loads == 2


def test_what_is_free_here():
    found = free_memory()
    if found is None:
        pytest.skip("this machine does not say")
    assert 0 < found < 1 << 50
