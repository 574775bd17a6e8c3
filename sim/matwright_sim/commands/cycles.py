# SPDX-License-Identifier: Apache-2.0
"""``matwright cycles CONFIG --gemm M,N,K``: the exact cycles of a GEMM, without a simulator."""

import argparse
import time
from typing import Any

from matwright.commands.common import (
    Subparsers,
    add_command,
    add_json,
    print_json,
    print_table,
    table,
)

from .common import (
    add_gemm,
    print_counters,
    refusals,
    tiling_words,
)
from .prediction import predict

__all__ = ["register"]


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "cycles",
        run,
        summary="tell the exact cycles of a GEMM, without a simulator",
        details=(
            "Follows a GEMM through the machine by the timing that its parts promise, and tells the\n"
            "cycles from doorbell to interrupt and where each engine spends them: the counters of\n"
            "the hardware, to the cycle. The program is the one that the driver runs; the memory\n"
            "answers after a fixed latency. `matwright simulate` runs the same on the Verilog."
        ),
        example=(
            "matwright cycles edge --gemm 512,512,512\n"
            "matwright cycles small --gemm 1,4096,4096 --latency 100 --json"
        ),
    )
    add_gemm(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Predicts, prints."""
    with refusals():
        result = _predict(arguments)
    if arguments.json:
        print_json(result)
    else:
        _print(result)
    return 0


def _predict(arguments: argparse.Namespace) -> dict[str, Any]:
    start = time.perf_counter()
    prediction = predict(arguments)
    config, (m, n, k) = prediction.config, prediction.gemm
    cycles, counters = prediction.found.cycles, prediction.found.counters
    return {
        "cycles": cycles,
        "macs": m * n * k,
        "padded_macs": counters["EXEC_BUSY"] * config.peak_macs - m * n * k,
        "utilization": m * n * k / (cycles * config.peak_macs),
        "counters": counters,
        **prediction.facts,
        "seconds": time.perf_counter() - start,
    }


def _print(result: dict[str, Any]) -> None:
    facts = table("GEMM on " + result["config"], "value")
    facts.add_row("M, N, K", ", ".join(map(str, result["gemm"])) + f" to {result['output']}")
    facts.add_row("cycles", f"{result['cycles']:,} from doorbell to interrupt")
    facts.add_row("MACs", f"{result['macs']:,} useful and {result['padded_macs']:,} of padding")
    facts.add_row("utilization", f"{result['utilization']:.1%} of the array's peak")
    facts.add_row("tiling", tiling_words(result["tiling"]))
    facts.add_row("memory", f"latency {result['latency']} cycles")
    print_table(facts)
    print_counters(result["counters"], result["cycles"])
