# SPDX-License-Identifier: Apache-2.0
"""The steps follow one another, progress is told, and an interruption ends what runs."""

import time
from pathlib import Path
from typing import Any

import pytest

from matwright.presets import PRESETS
from matwright_fpga import flow, timing
from matwright_fpga.placement import Placement
from matwright_fpga.tools import Run, Tool, run

PATH = timing.Path("a", "b", (), 1, 0, (), (), 2.0, 3.0)


@pytest.mark.usefixtures("toy")
def test_progress_and_order_of_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds that finish in another order are told in their own."""

    def place(*_: Any, seed: int, **__: Any) -> Placement:
        time.sleep(0.1 * (4 - seed))
        return Placement(seed, 100.0 + seed, {}, PATH, Run(1.0, 1.0), False, Path())

    monkeypatch.setattr(flow, "place_and_route", place)
    steps: list[tuple[str, int, int]] = []
    result = flow.figures(
        PRESETS["tiny"],
        "ice40",
        "hx1k",
        part="engine.east_adder",
        seeds=(1, 2, 3),
        jobs=3,
        on_step=lambda *step: steps.append(step),
    )
    assert [placed.seed for placed in result.placements] == [1, 2, 3]
    assert (result.best, result.median) == (103.0, 102.0)
    what = "placing and routing engine.east_adder of tiny"
    assert steps == [
        ("generating tiny", 0, 0),
        ("synthesizing engine.east_adder of tiny", 0, 0),
        *[(what, done, 3) for done in range(4)],
    ]


@pytest.mark.usefixtures("toy")
def test_an_interruption_ends_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "sleeper"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)

    def place(*_: Any, seed: int, **__: Any) -> Placement:
        if seed > 1:
            run(Tool("sleeper", program, ""), [], tmp_path, f"log{seed}")
        return Placement(seed, 100.0, {}, PATH, Run(1.0, 1.0), False, Path())

    def interrupt(what: str, done: int, of: int) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr(flow, "place_and_route", place)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        flow.figures(
            PRESETS["tiny"],
            "ice40",
            "hx1k",
            part="engine.east_adder",
            seeds=range(1, 9),
            jobs=2,
            on_step=interrupt,
        )
    assert time.monotonic() - start < 50
