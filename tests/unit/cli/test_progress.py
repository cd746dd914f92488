"""Progress in a log: few lines, and what is left."""

from __future__ import annotations

import pytest

from memgraft.cli.progress import Bars, Lines


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(seconds: float, steps: int, first: int = 1) -> list[str]:
    """The lines of so many steps of so many seconds each."""
    clock = Clock()
    lines = Lines("training", clock)
    found = []
    for step in range(first, steps + 1):
        found.append(lines.line(step, steps, "loss 0.5"))
        clock.now += seconds
    return [line for line in found if line]


def test_quick_work_gets_a_line_for_every_tenth() -> None:
    assert told(0.001, 4000) == [f"training {n}%, loss 0.5" for n in range(0, 101, 10)]


def test_long_work_gets_one_for_every_hundredth_and_tells_what_is_left() -> None:
    lines = told(10, 4000)
    assert len(lines) == 101
    assert lines[50] == "training 50%, loss 0.5, 5:33:20 left"
    assert lines[100] == "training 100%, loss 0.5"


def test_what_was_done_in_an_earlier_run_is_no_part_of_the_pace() -> None:
    assert told(10, 4000, first=3000)[0] == "training 75%, loss 0.5"
    assert told(10, 4000, first=3000)[1] == "training 76%, loss 0.5, 2:40:00 left"


def test_work_of_unknown_size_is_told_once() -> None:
    lines = Lines("preparing")
    assert [lines.line(0, 0), lines.line(0, 0)] == ["preparing ...", None]


def test_bars_tell_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        for done in (1, 2):
            bars("reading", done, 2, f"note {done}")
        bars("writing", 0, 0)
    assert capsys.readouterr().err.splitlines() == [
        "reading 50%, note 1",
        "reading 100%, note 2",
        "writing ...",
    ]
