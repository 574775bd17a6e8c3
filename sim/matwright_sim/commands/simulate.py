# SPDX-License-Identifier: Apache-2.0
"""``matwright simulate CONFIG --gemm M,N,K``: random operands on the generated Verilog."""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matwright.commands.common import (
    Gemm,
    Subparsers,
    UsageError,
    add_command,
    add_json,
    print_error,
    print_json,
    print_table,
    progress,
    table,
)
from matwright.config import AcceleratorConfig

from .common import (
    add_gemm,
    add_number,
    check_trace,
    print_counters,
    refusals,
    tiling_facts,
    tiling_words,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["register"]

_SIMULATORS = ("verilator", "icarus")
_MOST_SEED = (1 << 63) - 1
_PAGE = 4096


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "simulate",
        run,
        summary="run a GEMM of random operands on the generated Verilog",
        details=(
            "Runs one GEMM of random operands on the generated Verilog, through the driver, and\n"
            "compares the result with the golden model and with NumPy: int8 with bias, ReLU and a\n"
            "scale for each column, or with --raw the int32 sums. The exit status is 1 if it\n"
            "differs. Cycles are those from doorbell to interrupt, by the counter CYCLES and by\n"
            "the simulator, which must agree; without counters, by the simulator alone."
        ),
        example=(
            "matwright simulate edge --gemm 17,5,33\n"
            "matwright simulate tiny --gemm 9,9,9 --sim icarus --stall 0.3 --seed 7 --json\n"
            "matwright simulate small --gemm 64,64,64 --raw --trace waves.vcd"
        ),
    )
    add_gemm(parser)
    parser.add_argument(
        "--sim",
        choices=_SIMULATORS,
        default=_SIMULATORS[0],
        help="verilator: compiled, the fast way (default); icarus: Icarus Verilog with cocotb",
    )
    add_number(parser, "--seed", "S", 0, 0, _MOST_SEED, "seed of operands and stalls")
    parser.add_argument(
        "--stall",
        metavar="P",
        type=_probability,
        default=0.0,
        help="probability with which each bus channel pauses in a cycle (default 0)",
    )
    parser.add_argument(
        "--trace",
        metavar="FILE",
        type=Path,
        help="write a waveform: FILE.vcd (verilator) or FILE.fst (both)",
    )
    add_json(parser)


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and less than 1, not {text!r}")
    return value


# Operands.


@dataclass(frozen=True)
class _Operands:
    """A GEMM's operands, and what the golden model and NumPy make of them."""

    a: "NDArray[Any]"
    b: "NDArray[Any]"
    bias: "NDArray[np.int32] | None"
    scale: "NDArray[np.float64] | None"
    golden: "NDArray[Any]"
    numpy: "NDArray[np.int64]"


def _operands(config: AcceleratorConfig, shape: Gemm, seed: int, raw: bool) -> _Operands:
    import numpy as np

    from matwright_sw.operands import scale_words

    from ..golden.gemm import gemm as golden_gemm
    from ..reference import reference_gemm

    m, n, k = shape
    precision = config.precision
    rng = np.random.default_rng(seed)
    dtypes = (np.int8, np.int16)
    a_top, b_top = 1 << (precision.a_width - 1), 1 << (precision.b_width - 1)
    a = rng.integers(-a_top, a_top, (m, k), dtypes[precision.a_bytes - 1])
    b = rng.integers(-b_top, b_top, (k, n), dtypes[precision.b_bytes - 1])
    if raw:
        golden = golden_gemm(precision, a, b, raw=True)
        return _Operands(a, b, None, None, golden, reference_gemm(a, b))
    bias_top = 1 << min(14, precision.acc_width - 3)
    bias = rng.integers(-bias_top, bias_top, n).astype(np.int32)
    # Sums have a standard deviation of a third of this; most results then fit int8.
    spread = k**0.5 * a_top * b_top + bias_top
    scale = np.minimum(128 / spread * rng.uniform(0.5, 2.0, n), 127.0)
    words = scale_words(scale)
    golden = golden_gemm(precision, a, b, bias=bias, scale_words=words, relu=True)
    numpy = reference_gemm(a, b, bias=bias, words=words, relu=True)
    return _Operands(a, b, bias, scale, golden, numpy)


def _memory_bytes(config: AcceleratorConfig, shape: Gemm) -> int:
    """Device memory that the operands, the result and the program take."""
    from matwright import layout
    from matwright.config import ceil_div
    from matwright_sw.operands import check_limit

    m, n, k = shape
    for axis, size in zip("mnk", shape, strict=True):
        check_limit(config, axis, size)
    result = max(layout.d_stride(config, n, raw=True), layout.a_stride(config, n))
    need = m * (layout.a_stride(config, k) + result) + layout.table_bytes(config, n)
    need += ceil_div(k, config.rows) * layout.b_stride(config, n)
    # Beside the program, each buffer starts at a place of its own.
    need = (ceil_div(need, _PAGE) + 1) * _PAGE
    if need > 1 << config.bus.addr_width:
        raise UsageError(
            f"a GEMM on {config.name} must fit {1 << config.bus.addr_width} bytes of memory, "
            f"not {need} as {m},{n},{k} does"
        )
    return need


# The work.


def run(arguments: argparse.Namespace) -> int:
    """Simulates, compares, prints."""
    trace: Path | None = arguments.trace
    if trace is not None:
        check_trace(trace, arguments.sim)
    try:
        with refusals():
            result = _simulate(arguments)
    except BaseException:
        if trace is not None:
            trace.unlink(missing_ok=True)
        raise
    if arguments.json:
        print_json(result)
    else:
        _print(result)
    if not result["match"]:
        print_error(result["error"])
    return 0 if result["match"] else 1


def _simulate(arguments: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    from matwright_sw import DriverTimeout, HardwareError, Report, search, tiling

    from ..session import open_machine

    config, shape = arguments.config, arguments.gemm
    m, n, k = shape
    memory_bytes = _memory_bytes(config, shape)
    operands = _operands(config, shape, arguments.seed, arguments.raw)
    latency, raw = arguments.latency, arguments.raw
    choice = search.choose(
        config, m, n, k, raw=raw, table=not raw, read_latency=latency, write_latency=latency
    )
    if arguments.tiling is not None:
        choice = search.Choice(arguments.tiling, "caller")
        if not tiling.legal(config, arguments.tiling, n):
            raise UsageError(f"--tiling must fit the SRAM of {config.name}, not {arguments.tiling}")
    # The rule knows nothing of stalls and slow memories.
    patience = (latency / tiling.LATENCY + 1) / (1 - arguments.stall) ** 2
    estimate = tiling.estimate(config, m, n, k, choice.tiling, raw)
    reports: list[Report] = []
    error = ""
    got: NDArray[Any] | None = None
    with progress(enabled=not arguments.json) as bar:
        building = bar.add_task(f"generating and compiling {config.name}", total=None)
        task = bar.add_task("simulating", total=None, start=False)
        with open_machine(
            config,
            simulator=arguments.sim,
            memory_bytes=memory_bytes,
            read_latency=arguments.latency,
            write_latency=arguments.latency,
            stall=arguments.stall,
            seed=arguments.seed,
            trace=arguments.trace,
            on_progress=lambda cycles: bar.update(task, completed=cycles),
        ) as session:
            bar.remove_task(building)
            bar.start_task(task)
            start = time.perf_counter()
            try:
                got = session.driver.gemm(
                    operands.a,
                    operands.b,
                    bias=operands.bias,
                    scale=operands.scale,
                    relu=not raw,
                    tiling=choice.tiling,
                    timeout_cycles=round(16 * (estimate + 100_000) * patience),
                    on_report=reports.append,
                )
            except (HardwareError, DriverTimeout) as fault:
                error = str(fault)
            seconds = time.perf_counter() - start
            cycles = session.cycles
            violations = getattr(session.machine, "violations", {})
    counters = reports[0].counters if reports else {}
    if not error:
        assert got is not None
        error = _fault(got, operands, cycles, counters, violations)
    return {
        "match": not error,
        "error": error,
        "cycles": cycles,
        "macs": m * n * k,
        "padded_macs": reports[0].padded_macs if reports else None,
        "utilization": m * n * k / (cycles * config.peak_macs) if cycles > 0 else 0.0,
        "counters": counters,
        "gemm": [m, n, k],
        "output": str(np.dtype(np.int32 if arguments.raw else np.int8)),
        "tiling": tiling_facts(choice),
        "seed": arguments.seed,
        "latency": arguments.latency,
        "stall": arguments.stall,
        "config": config.name,
        "config_sha256": config.digest,
        "simulator": arguments.sim,
        "seconds": seconds,
        "trace": None if arguments.trace is None else str(arguments.trace),
    }


def _fault(
    got: "NDArray[Any]",
    operands: _Operands,
    cycles: int,
    counters: dict[str, int],
    violations: dict[str, int],
) -> str:
    """What is wrong with a run, in one sentence; empty if nothing is."""
    import numpy as np

    for name, expected in (("the golden model", operands.golden), ("NumPy", operands.numpy)):
        places = np.argwhere(got != expected)
        if places.size:
            row, column = places[0]
            return (
                f"the result differs from {name} in {len(places)} of {got.size} elements, first in "
                f"row {row}, column {column}: {got[row, column]}, not {expected[row, column]}"
            )
    if counters and counters["CYCLES"] != cycles:
        return f"the counter CYCLES is {counters['CYCLES']}, but the simulator counted {cycles}"
    if violations:
        return f"the bus protocol was violated: {violations}"
    return ""


def _print(result: dict[str, Any]) -> None:
    cycles, counters = result["cycles"], result["counters"]
    facts = table("GEMM on " + result["config"], "value")
    facts.add_row("M, N, K", ", ".join(map(str, result["gemm"])) + f" to {result['output']}")
    facts.add_row("match", "yes, with the golden model and with NumPy" if result["match"] else "NO")
    facts.add_row("cycles", f"{cycles:,} from doorbell to interrupt")
    padded = result["padded_macs"]
    beside = "" if padded is None else f" and {padded:,} of padding"
    facts.add_row("MACs", f"{result['macs']:,} useful{beside}")
    facts.add_row("utilization", f"{result['utilization']:.1%} of the array's peak")
    facts.add_row("tiling", tiling_words(result["tiling"]))
    facts.add_row("memory", f"latency {result['latency']} cycles, stalls {result['stall']:g}")
    facts.add_row("simulator", f"{result['simulator']}, {result['seconds']:.2f} s")
    facts.add_row("seed", str(result["seed"]))
    if result["trace"]:
        facts.add_row("waveform", result["trace"])
    print_table(facts)
    if counters:
        print_counters(counters, cycles)
