# SPDX-License-Identifier: Apache-2.0
"""The check of unknown bits: clean hardware passes, and a register without reset is found."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matwright.presets import PRESETS
from matwright_sim.stripped import READS, StripError, _strict, stripped
from matwright_sim.toolchain import ICARUS_FLAGS, find_icarus
from matwright_sim.verify import check, unknowns
from matwright_sim.verify.check import NotRun, Task
from matwright_sim.verify.episodes import TROUBLES, draw
from matwright_sim.verilog import cached_verilog

TINY = PRESETS["tiny"]


def planted(monkeypatch: pytest.MonkeyPatch, pattern: str, text: str) -> None:
    """The Verilog of `tiny` with one place changed."""
    clean = cached_verilog(TINY)
    changed, times = re.subn(pattern, text, clean, count=1)
    assert times == 1
    monkeypatch.setattr(check, "cached_verilog", lambda config: changed)


def test_an_accelerator_is_clean(tmp_path: Path) -> None:
    outcome = unknowns.CHECK.run(Task(TINY, tmp_path))
    assert outcome.passed, outcome.failures
    figures = {figure.name: figure.value for figure in outcome.figures}
    assert figures["programs, with and without errors and resets"] == len(TROUBLES)
    assert int(figures["of them unknown, and kept from whoever may not see them"]) > 100
    assert all(int(count) > 0 for _, count in outcome.sheets[0].rows)


RESET = r"(= irq_enable;\n(?:.*\n){1,8}?)    if \(rst\) begin\n.*\n    end\n"
"""What resets IRQ_ENABLE."""


def test_a_reset_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, RESET, r"\1")
    outcome = unknowns.CHECK.run(Task(TINY, tmp_path))
    assert not outcome.passed
    assert any("register 0x48 reads" in failure.what for failure in outcome.failures)
    assert any("s_axil_rdata was unknown in" in failure.what for failure in outcome.failures)
    failure = outcome.failures[0]
    assert failure.case is not None and unknowns.CHECK.replay is not None
    trace = tmp_path / "trace.fst"
    assert not unknowns.CHECK.replay(Task(TINY, tmp_path), failure.case, trace).passed
    assert trace.stat().st_size > 0


def test_runs_from_drawn_values_differ_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch, RESET, r"\1")
    monkeypatch.setattr(unknowns, "_TWIN_EPISODES", 6)
    assert unknowns.CHECK.replay is not None
    trace = tmp_path / "wave.vcd"
    trace.touch()
    outcome = unknowns.CHECK.replay(Task(TINY, tmp_path), {"kind": "twins"}, trace)
    assert not trace.exists()
    assert outcome.notes == ["No waveform is written of pairs of runs."]
    figures = {figure.name: figure.value for figure in outcome.figures}
    assert figures["pairs that differ"] == 1 and figures["pairs that end wrong"] == 0
    assert "differ in registers in episode 0 (none)" in outcome.failures[0].what


def test_too_large(tmp_path: Path) -> None:
    with pytest.raises(
        NotRun, match="Icarus is too slow for 4096 multipliers; at most 512 are simulated"
    ):
        unknowns.CHECK.run(Task(PRESETS["server"], tmp_path))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_episodes(trouble: str) -> None:
    number = TROUBLES.index(trouble)
    episode, again = draw(TINY, 5, number), draw(TINY, 5, number)
    assert episode.trouble == trouble
    assert np.array_equal(episode.before, again.before) and episode.result == again.result
    assert not np.array_equal(episode.before, draw(TINY, 6, number).before)
    good = {"STATUS": 2, "COMPLETED": 2, "ERROR_CODE": 0, "ERROR_INDEX": 0}
    if trouble == "refused":
        assert episode.result["STATUS"] == 4 and episode.result["ERROR_INDEX"] == 1
    else:
        assert episode.result == good


MEMORY = """\
module top (clk, en, where, what, from_, seen, kept);
  input clk, en;
  input [1:0] where, from_;
  input [3:0] what;
  output [3:0] seen;
  output reg kept = 1;
  reg [3:0] cells [0:3];
  initial begin cells[0] = 0; cells[1] = 0; cells[2] = 0; cells[3] = 0; end
  always @(posedge clk) begin
    if (en) cells[where] <= what;
    if (en) kept <= where[0];
  end
  assign seen = cells[from_];
endmodule
"""

BENCH = """\
module watch;
  integer sram_reads = 0, sram_reads_unknown = 0;
  reg clk = 0, en = 0;
  reg [1:0] where = 0, from_ = 1;
  wire [3:0] seen;
  wire kept;
  top dut (.clk(clk), .en(en), .where(where), .what(4'd5), .from_(from_), .seen(seen), .kept(kept));
  task show; begin #1 clk = 1; #1 clk = 0; #1 $display("%b %b", seen, kept); end endtask
  initial begin
    show; en = 1; where = 1; show; en = 1'bx; where = 2; show; en = 1; where = 1; show;
    where = 2'b0x; show;
  end
endmodule
"""


def test_what_is_stripped_stays_unknown(tmp_path: Path) -> None:
    text = stripped(MEMORY, "top", "watch")
    assert "initial" not in text
    source, program = tmp_path / "top.v", tmp_path / "top.vvp"
    source.write_text(text + BENCH)
    icarus = find_icarus()
    command = [str(icarus.iverilog), *ICARUS_FLAGS, "-s", "watch", "-o", str(program), str(source)]
    subprocess.run(command, check=True, timeout=60)
    done = subprocess.run(
        [str(icarus.vvp), str(program)], capture_output=True, text=True, timeout=60
    )
    # Never written; written; perhaps written, which spoils all; written again; written somewhere.
    assert done.stdout.split("\n")[:5] == ["xxxx x", "0101 1", "xxxx x", "0101 1", "xxxx x"]


def test_a_memory_of_another_form() -> None:
    """Two words are written at once."""
    text = (
        "module top (clk);\n  reg [3:0] cells [3:0];\n  always @(posedge clk)\n    {};\nendmodule\n"
    )
    assert "1'bx" in _strict(text.format("cells[where] <= what"))
    with pytest.raises(StripError, match="the one write of memory cells must be found, and is not"):
        _strict(text.format("{ cells[where], cells[other] } <= what"))


def test_for_two_states_the_text_is_plain() -> None:
    text = stripped(cached_verilog(TINY), "matwright_tiny")
    assert "initial" not in text and not any(name in text for name in READS)
    assert "~memory" in text


def test_the_seed_of_what_is_unknown() -> None:
    from matwright_sim.compiled import CompiledAccelerator

    with pytest.raises(
        ValueError, match=r"unknown must be at least 0 and less than 2\*\*31, not -1"
    ):
        CompiledAccelerator(replace(TINY), "", memory_bytes=64, unknown=-1)
