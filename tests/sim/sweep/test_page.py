# SPDX-License-Identifier: Apache-2.0
"""The page on sweeps: its files are sweeps, its columns are those of results."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matwright_sim.sweep import Results, Sweep
from matwright_sim.sweep.store import FILES

PAGE = (Path(__file__).parents[3] / "docs" / "user" / "sweeps.md").read_text(encoding="utf-8")
FIRST, WORKLOADS, SYNTH = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_files_are_sweeps(tmp_path: Path, made_up: Callable[..., Results]) -> None:
    (tmp_path / "network.csv").write_text("m,n,k\n1,2,3\n")
    for text in (FIRST, FIRST + WORKLOADS, FIRST + SYNTH):
        (tmp_path / "mine.toml").write_text(text)
        sweep = Sweep.read(tmp_path / "mine.toml")
        results = made_up(sweep)
        assert results.counts == {"ok": 36, "failed": 0, "illegal": 0}
        assert len(sweep.rtl_shapes) >= 2
        if sweep.synth is not None:
            choice: Any = [(p.number, p.settings) for p in results.points]
            assert len(sweep.synth.selection.of(choice)) == 18


def test_every_column_and_file_is_told(made_up: Callable[..., Results], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(FIRST + SYNTH)
    for column in made_up(Sweep.read(tmp_path / "mine.toml")).columns:
        if column.kind == "metric":
            name = re.sub(r"^\w+\.", "W.", column.name)
            assert f"`{name}`" in PAGE, name
    for name in FILES:
        assert f"`{name}`" in PAGE
