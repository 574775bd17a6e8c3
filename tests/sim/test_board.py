# SPDX-License-Identifier: Apache-2.0
"""The simulated board: its pins, the transport to it, and the digits through its UART."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial

import matwright_sw.serial
from matwright import cli
from matwright.bus.register_map import constants
from matwright.presets import PRESETS
from matwright_sim.board import VirtualBoard
from matwright_sim.commands import demo
from matwright_sim.library import BuildError
from matwright_sim.session import open_machine
from matwright_sw import Driver, DriverTimeout, LinkError, Network, SerialTransport

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
ROOT = Path(__file__).parents[2]
SEED = 20_27
TINY = PRESETS["tiny"]
DIVISOR = 4
"""The least there is, for speed; the pins are tested with others."""

ECHO = """
module echo (input clk, input rst, input rx, output reg tx, output irq);
  assign irq = 1'b0;
  always @(posedge clk) tx <= rst | rx;
endmodule
"""
BREAK = """
module silent (input clk, input rst, input rx, output tx, output irq);
  assign irq = rx;
  reg [5:0] time_left = 6'd60;
  assign tx = time_left == 0 || time_left > 50;
  always @(posedge clk) if (time_left != 0) time_left <= time_left - 6'd1;
endmodule
"""


def environment() -> dict[str, str]:
    path = os.pathsep.join(str(ROOT / room) for room in ("hw", "sim", "sw"))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a user calls it."""
    return subprocess.run(
        [sys.executable, "-m", "matwright", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def fails(*arguments: str) -> str:
    """Runs a command that must exit with status 2 and one sentence, which is returned."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("matwright: error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


# The pins.


@pytest.mark.parametrize("divisor", [4, 5, 8, 33])
def test_every_byte_crosses_the_pins(divisor: int) -> None:
    data = bytes(range(256)) * 3
    with VirtualBoard(TINY, divisor=divisor, verilog=ECHO) as board:
        with serial.serial_for_url(board.port, timeout=10) as port:
            port.write(data)
            assert port.read(len(data)) == data
        # A byte has come when the middle of its stop bit is read.
        assert board.cycles >= (10 * len(data) - 1) * divisor
        assert board.bad_stops == 0


def test_the_clock_stands_still_while_nobody_talks() -> None:
    with VirtualBoard(TINY, divisor=4, verilog=ECHO) as board:
        with serial.serial_for_url(board.port, timeout=10) as port:
            port.write(b"a")
            assert port.read(1) == b"a"
            for _ in range(50):
                before = board.cycles
                time.sleep(0.1)
                if board.cycles == before:
                    break
            else:
                pytest.fail("the clock has not stopped")
            assert before > 10_000, "it runs on for a while"
            port.write(b"b")
            assert port.read(1) == b"b"
        # The board outlives its clients.
        with serial.serial_for_url(board.port, timeout=10) as port:
            port.write(b"c")
            assert port.read(1) == b"c"


def test_a_bad_stop_bit_is_counted() -> None:
    with VirtualBoard(TINY, divisor=5, verilog=BREAK) as board:
        with serial.serial_for_url(board.port, timeout=0.2) as port:
            assert port.read(1) == b""
        assert board.bad_stops == 1


def test_closed() -> None:
    board = VirtualBoard(TINY, divisor=4, verilog=ECHO)
    board.close()
    board.close()
    with pytest.raises(LinkError, match="must exist, and does not$"):
        SerialTransport(board.port)
    with pytest.raises(ValueError, match="^the board must be open, and is closed$"):
        _ = board.cycles


def test_trace(tmp_path: Path) -> None:
    file = tmp_path / "wave.vcd"
    with VirtualBoard(TINY, divisor=4, verilog=ECHO, trace=file):
        pass
    text = file.read_text()
    assert all(re.search(rf"\$var wire +1 \S+ {pin} ", text) for pin in ("rx", "tx", "irq"))


def test_verilog_without_the_pins() -> None:
    sentence = "^one module must have the ports clk, rst, rx, tx, irq, not 0 modules$"
    with pytest.raises(BuildError, match=sentence):
        VirtualBoard(TINY, verilog="module m(input clk);\nendmodule\n")


# The system.


@pytest.fixture(scope="module")
def board() -> Iterator[VirtualBoard]:
    with VirtualBoard(TINY, divisor=DIVISOR) as board:
        yield board


def test_memory_and_gemm(board: VirtualBoard) -> None:
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    with SerialTransport(board.port) as transport:
        assert transport.memory_size == 1 << 17
        data = rng.integers(0, 256, 2_000, np.uint8)
        transport.write_memory(12_345, data)
        assert np.array_equal(transport.read_memory(12_345, data.size), data)
        driver = Driver(TINY, transport)
        for m, n, k in ((1, 1, 1), (9, 10, 11), (20, 5, 33)):
            a = rng.integers(-128, 128, (m, k), np.int8)
            b = rng.integers(-128, 128, (k, n), np.int8)
            assert np.array_equal(driver.gemm(a, b), a.astype(np.int32) @ b.astype(np.int32))
        driver.end_context()
        assert transport.retries == 0
    assert board.bad_stops == 0


def test_a_bad_line_to_the_system(board: VirtualBoard, monkeypatch: Patch) -> None:
    """Never a wrong result, and every fault that matters costs a retry."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    faults = 0

    def spoiled(data: bytes) -> bytes:
        nonlocal faults
        out = bytearray()
        for octet in data:
            if rng.random() >= 0.002:
                out.append(octet)
                continue
            faults += 1
            match rng.randrange(3):
                case 0:
                    out.append(octet ^ 1 << rng.randrange(8))
                case 1:
                    out += bytes([octet, octet])
        return bytes(out)

    with SerialTransport(board.port) as transport:
        monkeypatch.setattr(matwright_sw.serial, "_MARGIN", 0.1)
        port = transport._port
        write, read = port.write, port.read
        monkeypatch.setattr(port, "write", lambda data: write(spoiled(data)))
        monkeypatch.setattr(port, "read", lambda size: spoiled(read(size)))
        driver = Driver(TINY, transport)
        for _ in range(2):
            a = np.frombuffer(rng.randbytes(12 * 40), np.int8).reshape(12, 40)
            b = np.frombuffer(rng.randbytes(40 * 20), np.int8).reshape(40, 20)
            assert np.array_equal(driver.gemm(a, b), a.astype(np.int32) @ b.astype(np.int32))
        print(f"{faults} faults, {transport.retries} retries")
        assert 5 < transport.retries <= 2 * faults


def test_the_python_of_the_guide(capsys: Capture) -> None:
    page = (ROOT / "docs" / "user" / "board.md").read_text()
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found
    exec(found[1].replace("VirtualBoard(config)", f"VirtualBoard(config, divisor={DIVISOR})"), {})
    assert re.fullmatch(r"\[\[7 4\]\]\n\d+ 0\n", capsys.readouterr().out)


# The digits.


def test_the_board_and_the_demo_as_commands() -> None:
    """As a user would: start the board, and run what it says."""
    command = [sys.executable, "-m", "matwright", "board", "tiny", "--divisor", str(DIVISOR)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(), stdout=pipe, stderr=pipe, text=True) as board:
        assert board.stdout is not None
        first, hint, _ = (board.stdout.readline() for _ in range(3))
        port = first.split()[-1]
        assert Path(port).exists()
        assert hint == f"try: matwright demo --port {port} --config tiny\n"
        try:
            done = run(*hint.split()[2:], "--json")
        finally:
            board.send_signal(signal.SIGINT)
            rest, errors = board.communicate(timeout=20)
        assert (board.returncode, errors) == (0, "")
        assert re.search(r"[\d,]+ cycles", rest)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["match"] is True
    assert result["images"] == 360
    assert result["accuracy"]["hardware"] == result["accuracy"]["golden"] >= 0.97
    assert (result["config"], result["port"]) == ("tiny", port)
    assert result["link"]["retries"] == 0
    assert result["link"]["bytes_sent"] > 360 * 64
    assert result["link"]["bytes_received"] > 360 * 10 * 4
    assert result["seconds"]["board"] > 0


def test_a_board_that_is_ended_from_outside(tmp_path: Path) -> None:
    """Its waveform is whole."""
    wave = tmp_path / "wave.vcd"
    code = (
        "from matwright import cli\n"
        "from matwright_sim import board\n"
        f"board.cached_system = lambda *_, **__: {ECHO!r}\n"
        f"raise SystemExit(cli.main(['board', 'tiny', '--trace', {str(wave)!r}]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, text=True
    ) as board:
        assert board.stdout is not None
        while "Ctrl-C" not in board.stdout.readline():
            pass
        board.send_signal(signal.SIGTERM)
        assert "cycles" in board.communicate(timeout=20)[0]
    assert board.returncode == 0
    assert wave.read_text().rstrip().splitlines()[-1][:1] in "#01b"


@pytest.fixture
def few_images(monkeypatch: Patch) -> Network:
    network = Network.load()
    few = replace(
        network, test_images=network.test_images[:12], test_labels=network.test_labels[:12]
    )
    monkeypatch.setattr(Network, "load", lambda: few)
    return few


@pytest.mark.usefixtures("few_images")
def test_demo_on_a_board_for_people(board: VirtualBoard, capsys: Capture) -> None:
    assert cli.main(["demo", "--port", board.port]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for word in (
        "float",
        "golden",
        "hardware",
        "same logits",
        f"tiny at {board.port}",
        "0 retries",
    ):
        assert word in out


@pytest.mark.usefixtures("few_images")
def test_a_wrong_board_is_status_1(
    board: VirtualBoard, monkeypatch: Patch, capsys: Capture
) -> None:
    write = SerialTransport.write_memory

    def write_wrong(self: SerialTransport, address: int, data: Any) -> None:
        octets = np.frombuffer(data, np.uint8).copy()
        octets[3] ^= 0x40 * (octets.size > 64)
        write(self, address, octets)

    monkeypatch.setattr(SerialTransport, "write_memory", write_wrong)
    assert cli.main(["demo", "--port", board.port, "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["match"] is False
    assert "the hardware's logits must equal the golden model's" in err


def test_a_board_that_hangs_is_status_1(
    board: VirtualBoard, monkeypatch: Patch, capsys: Capture
) -> None:
    def hang(*_: object) -> None:
        raise DriverTimeout("the program must end", status=1, completed=0)

    monkeypatch.setattr(Network, "run", hang)
    assert cli.main(["demo", "--port", board.port]) == 1
    assert capsys.readouterr() == ("", "matwright: error: the program must end\n")


def test_a_board_of_another_configuration(board: VirtualBoard) -> None:
    ours, theirs = (constants(PRESETS[name])["CONFIG_HASH"] for name in ("small", "tiny"))
    sentence = fails("demo", "--port", board.port, "--config", "small")
    assert f"register CONFIG_HASH must read {ours:#010x} for small, not {theirs:#010x}" in sentence
    assert "the board has tiny, so try --config tiny" in sentence


def test_a_board_of_a_configuration_that_is_no_preset(
    board: VirtualBoard, monkeypatch: Patch, capsys: Capture
) -> None:
    monkeypatch.setattr(demo, "PRESETS", {})
    assert cli.main(["demo", "--port", board.port, "--config", "small"]) == 2
    assert "name the board's own configuration with --config" in capsys.readouterr().err


def test_images_in_batches(few_images: Network) -> None:
    """As many at once as memory takes; the figures are those of all."""
    network = replace(few_images, test_images=few_images.test_images[:11])
    sizes: list[int] = []
    with open_machine(TINY, memory_bytes=7 << 10) as session:
        real = Network.run

        def counted(self: Network, driver: Driver, images: Any) -> Any:
            sizes.append(len(images))
            return real(self, driver, images)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Network, "run", counted)
            logits, reports = demo._classify(network, session.driver)
    assert sizes == [11, 6, 5]
    with open_machine(TINY) as session:
        at_once, wanted = network.run(session.driver, network.test_images)
    assert np.array_equal(logits, at_once)
    assert [report.macs for report in reports] == [report.macs for report in wanted]


def test_refusals(tmp_path: Path) -> None:
    name = str(tmp_path / "ttyUSB9")
    assert f"port {name} must exist, and does not" in fails("demo", "--port", name)
    assert "--baud must come with --port" in fails("demo", "--baud", "9600")
    assert "--output must come without --port" in fails("demo", "--port", name, "-o", "x")
    assert "must be a positive integer, not '0'" in fails("demo", "--port", name, "--baud", "0")
    assert "argument --divisor: must be an integer from 4 to 65536, not '3'" in fails(
        "board", "tiny", "--divisor", "3"
    )
    assert "memory_bytes must be" in fails("board", "tiny", "--memory", "1000")
    assert "must name a file that ends in .vcd or .fst" in fails(
        "board", "tiny", "--trace", str(tmp_path / "wave")
    )


def test_the_default_speed() -> None:
    assert demo._BAUD == matwright_sw.serial.BAUD
