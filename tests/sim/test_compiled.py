# SPDX-License-Identifier: Apache-2.0
"""The compiled simulation: timing, memory, stalls, errors and the watch over the protocol.

The stand-in copies bursts of 4 beats and notes when things happened, so every latency has a closed
form. The doorbell arrives in cycle 0, the first AR is accepted in cycle 1.
"""

import time
from pathlib import Path

import numpy as np
import pytest
import standin

from matwright_sim import compiled
from matwright_sim.compiled import BuildError, CompiledAccelerator, RegisterError
from matwright_sim.toolchain import ToolError

BYTES = 1 << 16
WIDTHS = [32, 64, 128, 256, 512]
SEED = 20_26


def make(width: int = 64, bug: str | None = None, **options: object) -> CompiledAccelerator:
    config = standin.config(width, addr_width=48 if width == 512 else 32)
    options = {"memory_bytes": BYTES, "read_latency": 7, "write_latency": 5} | options
    accelerator = CompiledAccelerator(config, standin.verilog(config.bus, bug), **options)  # type: ignore[arg-type]
    print(f"seed {SEED}")
    accelerator.memory[:] = np.random.default_rng(SEED).integers(0, 256, accelerator.memory.size)
    return accelerator


def start(accelerator: CompiledAccelerator, bursts: int, base: int = 0) -> None:
    accelerator.write_register(standin.address("IRQ_ENABLE"), 3)
    accelerator.write_register(standin.address("PROGRAM_LO"), base)
    accelerator.write_register(standin.address("PROGRAM_COUNT"), bursts)
    accelerator.write_register(standin.address("CONTROL"), 1)


def read(accelerator: CompiledAccelerator, name: str) -> int:
    return accelerator.read_register(standin.address(name))


def times(accelerator: CompiledAccelerator) -> dict[str, int]:
    return {name: accelerator.read_register(at) for name, at in standin.TIMES.items()}


def copied(accelerator: CompiledAccelerator, before: np.ndarray, bursts: int) -> bool:
    size = bursts * standin.BURST * accelerator.config.bus.bytes
    wanted = before.copy()
    wanted[standin.DISTANCE : standin.DISTANCE + size] = before[:size]
    return bool(np.array_equal(accelerator.memory, wanted))


@pytest.mark.parametrize("width", WIDTHS)
def test_copies_at_every_width(width: int) -> None:
    with make(width) as accelerator:
        before = accelerator.memory.copy()
        start(accelerator, 60)
        assert accelerator.run(10_000)
        assert copied(accelerator, before, 60)
        assert read(accelerator, "STATUS") == 2
        assert accelerator.violations == {}
        counts = accelerator.statistics()
        assert counts["read_bursts"] == counts["write_bursts"] == 60
        assert counts["read_beats"] == counts["write_beats"] == 60 * standin.BURST
        assert read(accelerator, "BEATS_READ") == 60 * standin.BURST


@pytest.mark.parametrize("read_latency", [1, 2, 7, 100])
@pytest.mark.parametrize("write_latency", [1, 5, 90])
def test_latencies(read_latency: int, write_latency: int) -> None:
    bursts = 3
    with make(read_latency=read_latency, write_latency=write_latency) as accelerator:
        start(accelerator, bursts)
        assert accelerator.run(10_000)
        first = 1 + read_latency
        last = first + bursts * standin.BURST - 1  # one beat per cycle, no gap between bursts
        assert times(accelerator) == {
            "ar": bursts,  # one address per cycle from cycle 1 on
            "r_first": first,
            "r_last": last,
            "aw": last + 1,  # the stand-in's own register
            "w_last": last + 1,
            "b": last + 1 + write_latency,
        }
        assert read(accelerator, "CYCLES") == last + 1 + write_latency


def test_room_for_64_reads() -> None:
    with make(read_latency=1000) as accelerator:
        start(accelerator, 100)
        assert accelerator.run(10_000)
        counts = accelerator.statistics()
        assert counts["read_bursts_in_flight_max"] == 64
        # AR number 65 is accepted in the cycle after the last beat of burst 1, then one per burst.
        first = 1 + 1000
        assert times(accelerator)["ar"] == first + standin.BURST * (100 - 64)
        assert counts["ar_wait_cycles"] == times(accelerator)["ar"] - 100
        assert accelerator.violations == {}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stalls_change_cycles_and_nothing_else(seed: int) -> None:
    with make(stall=0.4, seed=seed) as accelerator:
        before = accelerator.memory.copy()
        start(accelerator, 100)
        assert accelerator.run(100_000)
        assert copied(accelerator, before, 100)
        assert accelerator.violations == {}
        cycles = read(accelerator, "CYCLES")
        counts = accelerator.statistics()
    unstalled = 1 + 7 + 100 * standin.BURST + 5
    # A stream that pauses in 2 of 5 cycles moves 400 beats in 400 / 0.6 cycles on average.
    assert 1.4 * unstalled < cycles < 2.1 * unstalled
    assert all(counts[f"{channel}_wait_cycles"] > 0 for channel in ("aw", "w", "ar"))
    with make(stall=0.4, seed=seed) as again:
        start(again, 100)
        assert again.run(100_000)
        assert read(again, "CYCLES") == cycles


def test_seeds_differ() -> None:
    cycles = set()
    for seed in range(4):
        with make(stall=0.4, seed=seed) as accelerator:
            start(accelerator, 100)
            assert accelerator.run(100_000)
            cycles.add(read(accelerator, "CYCLES"))
    assert len(cycles) > 1


@pytest.mark.parametrize("channel", ["read", "write"])
@pytest.mark.parametrize("response", ["SLVERR", "DECERR"])
def test_injected_error(channel: str, response: str) -> None:
    with make() as accelerator:
        before = accelerator.memory.copy()
        accelerator.inject_error(channel, 2, response)
        start(accelerator, 4)
        assert accelerator.run(10_000)
        assert read(accelerator, "STATUS") == 6
        assert read(accelerator, "IRQ_CAUSE") == 2
        size = standin.BURST * 8
        wanted = before.copy()
        wanted[standin.DISTANCE :][: 4 * size] = before[: 4 * size]
        hit = slice(standin.DISTANCE + 2 * size, standin.DISTANCE + 3 * size)
        wanted[hit] = 0 if channel == "read" else before[hit]
        assert np.array_equal(accelerator.memory, wanted)
        assert accelerator.violations == {}


def test_beyond_the_memory() -> None:
    # The copy's target starts two beats before the end of the memory.
    size = standin.DISTANCE + 16
    with make(memory_bytes=size) as accelerator:
        before = accelerator.memory.copy()
        start(accelerator, 2)
        assert accelerator.run(10_000)
        assert read(accelerator, "STATUS") == 6
        before[standin.DISTANCE :] = before[:16]
        assert np.array_equal(accelerator.memory, before)
        counts = accelerator.statistics()
        assert counts["write_bursts_out_of_range"] == 2
        assert counts["read_bursts_out_of_range"] == 0
    with make(memory_bytes=size) as accelerator:
        start(accelerator, 1, base=1 << 30)
        assert accelerator.run(10_000)
        assert accelerator.statistics()["read_bursts_out_of_range"] == 1


@pytest.mark.parametrize("bug", standin.BUGS)
def test_breaches_are_counted(bug: str) -> None:
    with make(bug=bug, stall=0.5) as accelerator:
        start(accelerator, 20)
        accelerator.run(2_000)
        assert set(accelerator.violations) == {standin.BUGS[bug]}


@pytest.mark.parametrize(
    ("base", "kinds"),
    [(4096 - 16, {"4k_boundary"}), (4096 - 32, set()), (4, {"unaligned"})],
)
def test_addresses_are_watched(base: int, kinds: set[str]) -> None:
    with make() as accelerator:
        start(accelerator, 1, base=base)
        assert accelerator.run(10_000)
        assert set(accelerator.violations) == kinds


def test_registers() -> None:
    with make() as accelerator:
        assert read(accelerator, "ID") == 0x4D41_5457
        accelerator.write_register(standin.address("PROGRAM_LO"), 0xFFFF_FFFF)
        assert read(accelerator, "PROGRAM_LO") == 0xFFFF_FFFF
        with pytest.raises(RegisterError, match="read must be answered OKAY, not SLVERR at 0x1000"):
            accelerator.read_register(0x1000)
        with pytest.raises(
            RegisterError, match="write must be answered OKAY, not SLVERR at 0x1000"
        ):
            accelerator.write_register(0x1000, 0)
        with pytest.raises(ValueError, match="must be of 32 bits, not 4294967296"):
            accelerator.write_register(0, 1 << 32)


def test_run_stops_at_its_bound() -> None:
    with make() as accelerator:
        before = accelerator.cycles
        assert not accelerator.run(123)
        assert accelerator.cycles - before == 123
        start(accelerator, 4)
        assert not accelerator.run(3)
        assert accelerator.run(10_000)
        assert accelerator.irq
        stopped = accelerator.cycles
        assert accelerator.run(10_000)
        assert accelerator.cycles == stopped


def test_reset_in_the_middle() -> None:
    with make(read_latency=50) as accelerator:
        start(accelerator, 10)
        accelerator.run(20)
        accelerator.reset()
        assert accelerator.cycles == 0
        assert read(accelerator, "STATUS") == 0
        before = accelerator.memory.copy()
        start(accelerator, 10)
        assert accelerator.run(10_000)
        assert copied(accelerator, before, 10)
        assert read(accelerator, "BEATS_READ") == 10 * standin.BURST
        assert accelerator.violations == {}


def test_reset_starts_the_draws_again() -> None:
    with make(stall=0.4) as accelerator:
        cycles = []
        for _ in range(2):
            start(accelerator, 100)
            assert accelerator.run(100_000)
            cycles.append(read(accelerator, "CYCLES"))
            accelerator.reset()
        assert cycles[0] == cycles[1]


@pytest.mark.parametrize("width", WIDTHS)
def test_strobes(width: int) -> None:
    with make(width) as accelerator:
        before = accelerator.memory.copy()
        pattern = 0x9E37_79B9
        accelerator.write_register(standin.STROBE, pattern)
        start(accelerator, 2)
        assert accelerator.run(10_000)
        size = 2 * standin.BURST * width // 8
        lanes = np.arange(size) % (width // 8) % 32
        written = (pattern >> lanes & 1).astype(bool)
        target = before[standin.DISTANCE :][:size]
        target[written] = before[:size][written]
        assert np.array_equal(accelerator.memory, before)


def test_two_at_once() -> None:
    with make(64) as one, make(64) as same, make(128) as other:
        for accelerator in (one, same, other):
            start(accelerator, 8)
        before = [accelerator.memory.copy() for accelerator in (one, same, other)]
        for _ in range(200):
            for accelerator in (one, same, other):
                accelerator.run(1)
        for accelerator, was in zip((one, same, other), before, strict=True):
            assert accelerator.irq
            assert copied(accelerator, was, 8)


def test_memory_outlives_close() -> None:
    accelerator = make()
    memory = accelerator.memory
    was = memory.copy()
    accelerator.close()
    accelerator.close()
    memory[0] ^= 1
    assert np.count_nonzero(memory != was) == 1
    with pytest.raises(ValueError, match="must be open, and is closed"):
        accelerator.run(1)
    with pytest.raises(ValueError, match="must be open, and is closed"):
        accelerator.statistics()


def test_trace(tmp_path: Path) -> None:
    with make(trace=tmp_path / "wave.vcd") as accelerator:
        start(accelerator, 2)
        assert accelerator.run(10_000)
        cycles = accelerator.cycles
    text = (tmp_path / "wave.vcd").read_text()
    assert "m_axi_araddr" in text
    stamps = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    # 10 ns per cycle, two cycles of reset before the first; the last edge is the falling one.
    assert "$timescale 1ns" in text
    assert stamps[-1] == 10 * (cycles + 2) - 5


def test_second_start_is_quick() -> None:
    make().close()
    begin = time.perf_counter()
    make().close()
    assert time.perf_counter() - begin < 2


def test_fst_without_its_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATWRIGHT_CACHE", str(tmp_path))

    def refuse(*_: object) -> None:
        raise BuildError("lz4.h: No such file")

    monkeypatch.setattr(compiled, "_compile", refuse)
    with pytest.raises(ToolError, match="lz4.h and zlib.h; install them with `apt-get install"):
        make(trace=tmp_path / "wave.fst")
    with pytest.raises(BuildError, match=r"lz4\.h"):
        make(trace=tmp_path / "wave.vcd")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_bytes": 12}, "memory_bytes must be a multiple of 8, not 12"),
        ({"memory_bytes": 0}, "memory_bytes must be a multiple of 8, not 0"),
        ({"read_latency": 0}, "read_latency must be at least 1 cycle, not 0"),
        ({"write_latency": 0}, "write_latency must be at least 1 cycle, not 0"),
        ({"stall": 1.0}, "stall must be at least 0 and less than 1, not 1.0"),
        ({"stall": -0.1}, "stall must be at least 0 and less than 1, not -0.1"),
    ],
)
def test_refused_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        make(**options)  # type: ignore[arg-type]


def test_refused_errors() -> None:
    with make() as accelerator:
        with pytest.raises(ValueError, match="channel must be read or write, not 'aw'"):
            accelerator.inject_error("aw", 0)
        with pytest.raises(ValueError, match="response must be SLVERR or DECERR, not 'OKAY'"):
            accelerator.inject_error("read", 0, "OKAY")


def test_refused_verilog() -> None:
    config = standin.config(64)
    good = standin.verilog(config.bus)

    def attempt(text: str) -> None:
        CompiledAccelerator(config, text, memory_bytes=BYTES).close()

    with pytest.raises(BuildError, match="must hold a module, and holds none"):
        attempt("")
    with pytest.raises(BuildError, match="ports; standin differs in interrupt, irq$"):
        attempt(good.replace("output irq", "output interrupt"))
    with pytest.raises(BuildError, match="differs in m_axi_rdata, m_axi_wdata, m_axi_wstrb$"):
        attempt(standin.verilog(standin.config(128).bus))
    with pytest.raises(BuildError, match="must have the accelerator's ports, not standin, twin$"):
        attempt(good + good.replace("module standin", "module twin"))
    with pytest.raises(BuildError, match=r"Verilator refused standin:\n(.|\n)*syntax error"):
        attempt(good.replace("// Reads.", "nonsense"))
