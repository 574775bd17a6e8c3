# SPDX-License-Identifier: Apache-2.0
"""Lines of Verilog are traced to lines of Python, and only of the text that the generator gives."""

from pathlib import Path

import matwright
from matwright.presets import PRESETS
from matwright_sim.coverage.counts import declarations
from matwright_sim.coverage.sources import python_lines
from matwright_sim.verilog import cached_verilog

ROOT = Path(matwright.__file__).parent.parent


def test_python_lines() -> None:
    config = PRESETS["tiny"]
    verilog = cached_verilog(config)
    found = python_lines(config, verilog)
    assert len(found) == len(verilog.splitlines())
    line = declarations(verilog)["matwright_tiny.registers.status", "start"]
    file, number = found[line - 1].split(":")
    assert file == "matwright/bus/status.py"
    assert (
        "self.start.eq(" in (ROOT / file).read_text(encoding="utf-8").splitlines()[int(number) - 1]
    )
    assert python_lines(config, verilog + "\n") == []
