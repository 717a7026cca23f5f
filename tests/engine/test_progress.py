from __future__ import annotations

import io
import re
import sys

import pytest

from fmaudit.engine import progress
from fmaudit.engine.progress import Bars, Lines, Silent, live

LINE = re.compile(r"\[ *\d+\.\d s\] (.*)")


class Clock:
    """Stands still until it is told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress.time, "monotonic", found)
    return found


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def told(capsys) -> list[str]:
    """What was said since, without its times. Standard output stays for results."""
    said = capsys.readouterr()
    assert said.out == ""
    assert "\x1b" not in said.err
    return [LINE.fullmatch(line)[1] for line in said.err.splitlines()]


def test_lines_where_there_is_no_terminal_and_bars_where_there_is(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(live(), Lines)
    monkeypatch.setattr(sys, "stderr", Terminal())
    bars = live()
    bars.close()
    assert isinstance(bars, Bars)


def test_a_stage_is_a_line_of_its_own(capsys, clock):
    lines = Lines()
    clock.now += 12.34
    lines.stage("estimating")
    assert capsys.readouterr().err == "[  12.3 s] estimating\n"


def test_work_is_told_every_ten_seconds_and_at_the_end(capsys, clock):
    lines = Lines()
    lines.begin("bias", 500)
    lines.begin("performance", None)
    for _ in range(100):
        lines.answered(4)
        lines.advance("bias", 4)
    assert told(capsys) == []
    clock.now += 10
    lines.advance("performance", 7)
    assert told(capsys) == ["bias 400/500, performance 7; 400 answers, 40 a second"]
    clock.now += 9.9
    lines.answered(1)
    assert told(capsys) == []
    clock.now += 0.1
    lines.answered(99)
    assert told(capsys) == ["bias 400/500, performance 7; 500 answers, 25 a second"]
    lines.close()
    assert told(capsys) == ["bias 400/500, performance 7; 500 answers, 25 a second"]


def test_before_any_family_has_begun_a_line_is_still_a_sentence(capsys, clock):
    lines = Lines()
    lines.close()
    lines.answered(50)
    lines.close()
    first, second = told(capsys)
    assert first == "done"
    assert second.startswith("50 answers")


def test_the_rate_leaves_out_the_batch_whose_time_is_not_known(capsys, clock):
    lines = Lines()
    clock.now += 30  # the model is loaded, and its first batch answered
    lines.answered(1000)
    assert "000000 a second" not in told(capsys)[0]
    clock.now += 10
    lines.answered(100)
    assert told(capsys) == ["1100 answers, 10 a second"]


def test_bars_show_every_family_and_print_a_stage_as_it_is(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    bars = Bars()
    bars.begin("bias", 500)
    bars.stage("[red]3 probes[/red] over 500 cases")
    bars.answered(40)
    bars.answered(40)
    bars.advance("bias", 123)
    bars.close()
    shown = screen.getvalue()
    assert "[red]3 probes[/red] over 500 cases" in shown
    assert "123/500" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "model answers" in shown
    assert "a second" in shown


def test_silence(capsys):
    silent = Silent()
    silent.stage("x")
    silent.begin("bias", 3)
    silent.advance("bias", 1)
    silent.answered(1)
    silent.close()
    assert capsys.readouterr() == ("", "")
