# SPDX-License-Identifier: Apache-2.0
"""Campaigns of checks that are made up; a configuration, and Verilog in its place that has a bug."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from matwright.presets import PRESETS
from matwright_sim.toolchain import ToolError
from matwright_sim.verify import campaign, tools
from matwright_sim.verify.check import Task
from matwright_sim.verilog import cached_verilog

sys.path.insert(0, str(Path(__file__).parent))

WRITE = "if (w_en) memory[w_addr] <= w_data;"
LOST = "if (w_en && !(WIDTH == 8 && DEPTH == 512 && w_addr == 3)) memory[w_addr] <= w_data;"
"""The fourth word of a bank of activations keeps what it held."""


def _missing() -> str:
    raise ToolError("prover is not on PATH; install it with `apt-get install prover`")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the checks there are those of ``made_up.py``; of two tools one is there."""
    import made_up

    monkeypatch.setattr(campaign, "CHECKS", tuple(made_up.CHECKS))
    monkeypatch.setattr(campaign, "find_check", made_up.CHECKS.__getitem__)
    monkeypatch.setattr(tools, "TOOLS", {"compiler": lambda: "1.2", "prover": _missing})


@dataclass(frozen=True)
class Planted(Task):
    """A task whose Verilog loses a word."""

    @property
    def verilog(self) -> str:
        text = cached_verilog(self.config)
        assert text.count(WRITE) == 1, "the SRAM is written otherwise: plant another bug"
        return text.replace(WRITE, LOST)


@pytest.fixture
def sound(tmp_path: Path) -> Task:
    return Task(PRESETS["tiny"], tmp_path, seed=3)


@pytest.fixture
def planted(tmp_path: Path) -> Task:
    return Planted(PRESETS["tiny"], tmp_path, seed=3)
