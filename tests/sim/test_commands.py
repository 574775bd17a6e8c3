# SPDX-License-Identifier: Apache-2.0
"""``matwright simulate`` and ``matwright demo``: what they print, and how they refuse."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matwright import cli
from matwright.bus.register_map import COUNTERS
from matwright.presets import PRESETS
from matwright_sw import SimulatedTransport

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a user calls it."""
    path = os.pathsep.join(str(ROOT / room) for room in ("hw", "sim", "sw"))
    return subprocess.run(
        [sys.executable, "-m", "matwright", *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def simulated(*arguments: str) -> dict[str, Any]:
    done = run("simulate", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("shape", ["1,1,1", "17,5,33"])
@pytest.mark.parametrize("raw", [[], ["--raw"]])
def test_simulate_as_json(shape: str, raw: list[str]) -> None:
    config = PRESETS["small"]
    result = simulated("small", "--gemm", shape, *raw)
    m, n, k = (int(size) for size in shape.split(","))
    assert result["match"] is True
    assert result["macs"] == m * n * k
    assert set(result["counters"]) == set(COUNTERS)
    assert result["cycles"] == result["counters"]["CYCLES"] > 100
    assert result["utilization"] == m * n * k / (result["cycles"] * config.peak_macs)
    assert (result["seed"], result["simulator"]) == (0, "verilator")
    assert result["config_sha256"] == config.digest
    assert result["output"] == ("int32" if raw else "int8")
    assert result["seconds"] > 0


def test_simulate_without_counters_still_has_cycles() -> None:
    """The simulator counts them; a memory that answers later shows."""
    fast, slow = (simulated("tiny", "--gemm", "5,6,7", "--latency", x) for x in ("4", "90"))
    assert fast["counters"] == slow["counters"] == {}
    assert 0 < fast["cycles"] < slow["cycles"] - 150


def test_both_simulators_give_the_same_figures() -> None:
    first, second = (
        simulated("small", "--gemm", "9,10,11", "--seed", "3", "--sim", simulator)
        for simulator in ("verilator", "icarus")
    )
    for key in ("seconds", "simulator"):
        assert first.pop(key) != second.pop(key)
    assert first == second


def test_stalls_take_cycles_and_change_nothing() -> None:
    for simulator in ("verilator", "icarus"):
        result = simulated("tiny", "--gemm", "9,8,7", "--stall", "0.4", "--sim", simulator)
        assert result["match"]
        assert result["cycles"] > simulated("tiny", "--gemm", "9,8,7")["cycles"]


def test_simulate_for_people() -> None:
    done = run("simulate", "small", "--gemm", "20,20,20")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("match", "yes", "cycles", "MACs", "utilization", "where did the time go?"):
        assert word in done.stdout
    for engine in ("load", "execute", "store"):
        assert f"\n{engine} " in done.stdout


def test_configuration_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\nrows = 3\ncols = 4\n[build]\npost_lanes = 1\n[bus]\ndata_width = 32\n'
    )
    assert simulated(str(file), "--gemm", "7,9,8")["config"] == "mine"


def test_second_start_is_quick() -> None:
    simulated("edge", "--gemm", "1,1,1")
    before = os.times()
    simulated("edge", "--gemm", "17,5,33")
    after = os.times()
    # CPU time, since others may be using the machine.
    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < 2


@pytest.mark.parametrize(
    ("simulator", "suffix", "head"), [("verilator", "vcd", b"$"), ("icarus", "fst", b"")]
)
def test_waveform(simulator: str, suffix: str, head: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"wave.{suffix}"
    arguments = ("tiny", "--gemm", "2,2,2", "--sim", simulator, "--trace", str(file))
    assert simulated(*arguments)["trace"] == str(file)
    assert file.stat().st_size > 1000
    assert file.read_bytes().startswith(head)
    assert list(tmp_path.iterdir()) == [file]


# Refusals.

GEMM = "a GEMM must be three positive integers M,N,K"


def fails(*arguments: str, **environment: str) -> str:
    """Runs a command that must exit with status 2 and one sentence, which is returned."""
    done = run(*arguments, **environment)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("matwright: error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("matwright: error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["edge"], "the following arguments are required: --gemm"),
        (["edge", "--gemm", "1,2"], f"{GEMM}, not '1,2'"),
        (["edge", "--gemm", "0,2,3"], f"{GEMM}, not '0,2,3'"),
        (["edge", "--gemm", "1,-2,3"], f"{GEMM}, not '1,-2,3'"),
        (["edge", "--gemm", "1,2.5,3"], f"{GEMM}, not '1,2.5,3'"),
        (["nope", "--gemm", "1,1,1"], "CONFIG must be a preset (tiny,"),
        (["tiny", "--gemm", "1,1,1", "--tiling", "9999,1,1"], "--tiling must fit the SRAM of tiny"),
        (["tiny", "--gemm", "1024,1,1"], "m must be at most 1023, the limit of tiny, not 1024"),
        (["tiny", "--gemm", "1000,1000,1"], "a GEMM on tiny must fit 131072 bytes of memory"),
        (["edge", "--gemm", "1,1,1", "--sim", "moon"], "argument --sim: invalid choice: 'moon'"),
        (["edge", "--gemm", "1,1,1", "--seed", "-1"], "argument --seed: "),
        (["edge", "--gemm", "1,1,1", "--latency", "0"], "must be an integer from 1 to 100000"),
        (["edge", "--gemm", "1,1,1", "--stall", "1"], "must be at least 0 and less than 1"),
        (["edge", "--gemm", "1,1,1", "--stall", "much"], "must be at least 0 and less than 1"),
        (["edge", "--gemm", "1,1,1", "--trace", "x.txt"], "must name a file that ends in .vcd or"),
        (["edge", "--gemm", "1,1,1", "--trace", "x.vcd", "--sim", "icarus"], "that ends in .fst"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_wrong_arguments(arguments: list[str], sentence: str) -> None:
    assert sentence in fails("simulate", *arguments)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rows = 0\ncols = 4\n", "rows must be an integer from 1 to 256, not 0"),
        ("rows = 4\ncols = 4\ncolour = 3\n", "colour is not a field"),
        ("rows = 4\ncols = 4\n[bus]\nwidth = 64\n", "bus.width is not a field"),
        ("rows = \n", "the text must be TOML"),
    ],
)
def test_wrong_file(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    message = fails("simulate", str(file), "--gemm", "1,1,1")
    assert message.startswith(f"{file}: ")
    assert sentence in message


@pytest.mark.parametrize(
    ("simulator", "sentence"),
    [
        ("verilator", "is not on PATH; install it with `apt-get install"),
        ("icarus", "iverilog is not on PATH; install it with `apt-get install iverilog`"),
    ],
)
def test_missing_simulator(simulator: str, sentence: str, tmp_path: Path) -> None:
    wave = tmp_path / "wave.fst"
    arguments = ("simulate", "tiny", "--gemm", "1,1,1", "--sim", simulator, "--trace", str(wave))
    assert sentence in fails(*arguments, PATH=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    simulate = ("simulate", "tiny", "--gemm", "1,1,1")
    assert "cannot be written" in fails(*simulate, "--trace", str(file / "x.vcd"))
    assert "cannot be written" in fails(*simulate, MATWRIGHT_CACHE=str(file / "cache"))
    assert f"folder {file / 'out'} cannot be written" in fails("demo", "-o", str(file / "out"))
    assert list(tmp_path.iterdir()) == [file]


# Faults of the hardware, which is played by a bit that flips on the way to device memory.


@pytest.fixture
def flipped_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    write = SimulatedTransport.write_memory

    def write_wrong(self: SimulatedTransport, address: int, data: Any) -> None:
        octets = np.frombuffer(data, np.uint8).copy()
        if octets.size > 64:
            octets[3] ^= 0x40
        write(self, address, octets)

    monkeypatch.setattr(SimulatedTransport, "write_memory", write_wrong)


@pytest.mark.usefixtures("flipped_bit")
def test_a_mismatch_is_status_1(capsys: Capture) -> None:
    assert cli.main(["simulate", "small", "--gemm", "20,20,20", "--raw", "--json"]) == 1
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result["match"] is False
    assert result["error"].startswith("the result differs from the golden model in ")
    assert result["error"] in err


@pytest.mark.usefixtures("flipped_bit")
def test_a_wrong_demo_is_status_1(tmp_path: Path, capsys: Capture) -> None:
    assert cli.main(["demo", "-o", str(tmp_path), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["match"] is False
    assert "the hardware's logits must equal the golden model's" in err


def test_demo(tmp_path: Path) -> None:
    done = run("demo", "-o", str(tmp_path / "out"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    accuracy = result["accuracy"]
    assert result["match"] is True
    assert accuracy["hardware"] == accuracy["golden"] >= 0.97
    assert accuracy["golden"] >= accuracy["float"] - 0.01
    assert result["images"] == 360
    for layer in result["layers"]:
        assert layer["macs"] == 360 * layer["k"] * layer["n"]
        assert 0.1 < layer["utilization"] < 1
    assert result["simulated_cycles_per_second"] > 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["configuration_sha256"] == result["config_sha256"]
    for name, file in manifest["files"].items():
        data = (tmp_path / "out" / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
    assert {Path(file).name for file in result["files"]} == {*manifest["files"], "manifest.json"}


def test_demo_for_people(tmp_path: Path, capsys: Capture) -> None:
    assert cli.main(["demo", "-o", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for word in ("float", "golden", "hardware", "98.61%", "utilization", "cycles per second"):
        assert word in out
    assert str(tmp_path) in out.replace("\n", "")
