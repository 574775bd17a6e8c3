# SPDX-License-Identifier: Apache-2.0
"""The runner says pass only when every test of the bench ran and passed."""

from pathlib import Path

import pytest
from amaranth import Assert, Format, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from matwright_sim import toolchain
from matwright_sim.runner import SIMULATORS, BenchError, run_bench, to_verilog

HERE = Path(__file__).parent
both = pytest.mark.parametrize("simulator", SIMULATORS)


class Adder(wiring.Component):
    """Adds ``step`` in every cycle; asserts that the total stays below 250."""

    step: In(8)  # type: ignore[valid-type]  # pyright: ignore[reportInvalidTypeForm]
    total: Out(8)  # type: ignore[valid-type]  # pyright: ignore[reportInvalidTypeForm]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.total.eq(self.total + self.step)  # type: ignore[operator]
        m.d.sync += Assert(self.total < 250, Format("total={}", self.total))  # type: ignore[operator]
        return m


def run(simulator: str, bench: str = "bench_adder", **more: object) -> None:
    parameters = {"STEP": "3", **more.pop("parameters", {})}  # type: ignore[dict-item]
    run_bench(
        Adder(),
        name="adder",
        bench=bench,
        simulator=simulator,
        parameters=parameters,
        python_path=[HERE],
        **more,  # type: ignore[arg-type]
    )


@both
def test_pass(simulator: str, capfd: pytest.CaptureFixture[str]) -> None:
    run(simulator)
    assert capfd.readouterr() == ("", "")


@both
def test_failing_test_is_named(simulator: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"failed: expectation; see (.|\n)*AssertionError"):
        run(simulator, parameters={"FAIL": "1"}, build_root=tmp_path)
    assert (tmp_path / "adder" / "run.log").is_file()


@both
def test_no_test_ran(simulator: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no test ran"):
        run(simulator, bench="bench_empty", build_root=tmp_path)


@both
def test_missing_bench(simulator: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no_such_bench"):
        run(simulator, bench="no_such_bench", build_root=tmp_path)


@both
def test_violated_assertion(simulator: str, tmp_path: Path) -> None:
    # The total passes 14 * 18 = 252; the bench, which looks at the last one, sees nothing wrong.
    with pytest.raises(BenchError, match=r"(ERROR: assertion|Assertion failed)"):
        run(simulator, parameters={"STEP": "18"}, build_root=tmp_path)


@both
def test_seed(simulator: str, tmp_path: Path) -> None:
    drawn = []
    for index, seed in enumerate((5, 5, 6)):
        file = tmp_path / f"draw{index}"
        run(simulator, seed=seed, parameters={"DRAW": str(file)})
        drawn.append(file.read_text())
    assert drawn[0] == drawn[1] != drawn[2]


@both
def test_waves(simulator: str, tmp_path: Path) -> None:
    run(simulator, waves=True, build_root=tmp_path)
    name = {"icarus": "adder.fst", "verilator": "dump.vcd"}[simulator]
    assert (tmp_path / "adder" / name).stat().st_size > 100


@both
def test_verilog_text_with_ports_in_the_header(simulator: str) -> None:
    text = """
// input nothing, a comment
module plain(input clk, input rst, input [7:0] step, output reg [7:0] total = 0);
  always @(posedge clk) total <= rst ? 8'd0 : total + step;
endmodule
"""
    run_bench(
        verilog=text,
        toplevel="plain",
        bench="bench_adder",
        simulator=simulator,
        parameters={"STEP": "7"},
        python_path=[HERE],
    )


@both
def test_broken_verilog(simulator: str) -> None:
    with pytest.raises(BenchError, match=f"{simulator} could not build broken"):
        run_bench(
            verilog="module broken(input a);\n  assign\nendmodule\n",
            toplevel="broken",
            bench="bench_adder",
            simulator=simulator,
        )


def test_second_run_does_not_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATWRIGHT_CACHE", str(tmp_path))
    run("icarus")
    built = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("sim.vvp")}
    run("icarus")
    assert len(built) == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("sim.vvp")} == built


def test_verilog_is_the_same_each_time() -> None:
    assert to_verilog(Adder(), "adder") == to_verilog(Adder(), "adder")


def test_refusals() -> None:
    with pytest.raises(ValueError, match="simulator must be one of icarus, verilator, not 'vcs'"):
        run_bench(verilog="", toplevel="x", bench="bench_adder", simulator="vcs")
    with pytest.raises(ValueError, match="a component or Verilog text, one and not both"):
        run_bench(bench="bench_adder", name="adder")
    with pytest.raises(ValueError, match="needs the name of the top module"):
        run_bench(verilog="", bench="bench_adder")
    with pytest.raises(ValueError, match="must hold a module wrong, and holds none of that name"):
        run_bench(
            verilog="module right(input a);\nendmodule\n",
            toplevel="wrong",
            bench="bench_adder",
            simulator="verilator",
        )


def test_missing_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    toolchain.find_icarus.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        with pytest.raises(toolchain.ToolError, match="iverilog.*`apt-get install iverilog`"):
            run("icarus")
    finally:
        toolchain.find_icarus.cache_clear()
