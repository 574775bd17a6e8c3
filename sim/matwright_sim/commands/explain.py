# SPDX-License-Identifier: Apache-2.0
"""``matwright explain CONFIG --gemm M,N,K``: what binds a GEMM, and its timeline."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matwright.commands.common import (
    Subparsers,
    UsageError,
    add_command,
    add_json,
    print_json,
    print_table,
    table,
)

from .common import add_gemm, refusals, tiling_words
from .prediction import predict

if TYPE_CHECKING:
    from ..cycles.lift import Lift

__all__ = ["register"]

_MOST_SHOWN = 6
_SUFFIXES = (".json", ".svg")


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "explain",
        run,
        summary="tell what binds a GEMM, and what would lift it",
        details=(
            "Follows a GEMM through the machine as `matwright cycles` does and tells what its cycles\n"
            "are spent on: compute, padding, weight ingest, memory bandwidth and latency, room on\n"
            "chip, store, fill and drain, which add up to all cycles. Then it follows the same GEMM\n"
            "through machines with twice as much of one resource each: what saves most names what\n"
            "binds, and would lift it; of a large GEMM some blocks are followed. --timeline writes\n"
            "when each block and chunk is loaded, executed and stored: .json for ui.perfetto.dev or\n"
            "chrome://tracing, a cycle shown as a microsecond, or .svg."
        ),
        example=(
            "matwright explain edge --gemm 1,4096,4096\n"
            "matwright explain small --gemm 128,128,128 --timeline run.svg"
        ),
    )
    add_gemm(parser)
    parser.add_argument(
        "--timeline", metavar="FILE", type=Path, help="write a timeline: FILE.json or FILE.svg"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Explains, prints."""
    file: Path | None = arguments.timeline
    if file is not None and file.suffix not in _SUFFIXES:
        raise UsageError(
            f"--timeline must name a file that ends in {' or '.join(_SUFFIXES)}, not {str(file)!r}"
        )
    with refusals():
        result = _explain(arguments)
    if arguments.json:
        print_json(result)
    else:
        _print(result)
    return 0


def _explain(arguments: argparse.Namespace) -> dict[str, Any]:
    from ..cycles.explain import explain
    from ..cycles.timeline import to_chrome, to_svg

    prediction = predict(arguments)
    config, (m, n, k), found = prediction.config, prediction.gemm, prediction.found
    said = explain(config, prediction.program, found, prediction.memory)
    file: Path | None = arguments.timeline
    if file is not None:
        title = f"{m} x {n} x {k} on {config.name}: {found.cycles:,} cycles"
        text = to_svg(found, title) if file.suffix == ".svg" else to_chrome(found, title)
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    return {
        "cycles": said.cycles,
        "roofline": said.roofline,
        "compute_floor": said.compute_floor,
        "memory_floor": said.memory_floor,
        "binding": said.binding.name,
        "lift": None if said.lift is None else _told(said.lift),
        "terms": {
            term.name: {"cycles": term.cycles, "why": term.why, "lift": term.lift}
            for term in said.terms
        },
        "lifts": [_told(lift) for lift in said.lifts],
        "tried_on": list(said.tried_on),
        **prediction.facts,
        "timeline": None if file is None else str(file),
    }


def _told(lift: "Lift") -> dict[str, Any]:
    return {
        "what": lift.what,
        "terms": list(lift.terms),
        "before": lift.before,
        "cycles": lift.cycles,
        "saves": lift.saves,
    }


def _print(result: dict[str, Any]) -> None:
    cycles = result["cycles"]
    facts = table("GEMM on " + result["config"], "value")
    facts.add_row("M, N, K", ", ".join(map(str, result["gemm"])) + f" to {result['output']}")
    facts.add_row("cycles", f"{cycles:,} from doorbell to interrupt")
    floor = "array" if result["compute_floor"] >= result["memory_floor"] else "bus"
    facts.add_row(
        "roofline",
        f"{result['roofline']:,.0f} cycles, by the {floor}; reached {result['roofline'] / cycles:.1%}",
    )
    facts.add_row("tiling", tiling_words(result["tiling"]))
    facts.add_row("memory", f"latency {result['latency']} cycles")
    facts.add_row("binds", result["binding"])
    lift = result["lift"]
    if lift:
        facts.add_row("would lift it", f"{lift['what']}: {_saving(lift)}")
    else:
        general = result["terms"][result["binding"]]["lift"]
        facts.add_row("would lift it", f"{general}; none that can be built is faster")
    if result["tried_on"] != result["gemm"]:
        sizes = " x ".join(f"{size:,}" for size in result["tried_on"])
        facts.add_row("tried on", f"{sizes} of it, because all of it would take long")
    if result["timeline"]:
        facts.add_row("timeline", result["timeline"])
    print_table(facts)
    print()
    spent = table("what the cycles are spent on", ">cycles", ">%", "because")
    for name, term in result["terms"].items():
        if term["cycles"]:
            share = 100 * term["cycles"] / cycles
            spent.add_row(name, f"{term['cycles']:,.0f}", f"{share:.1f}", term["why"])
    print_table(spent)
    faster = [lift for lift in result["lifts"] if lift["saves"] > 0][:_MOST_SHOWN]
    if faster:
        print()
        tried = table("what would be with", ">cycles", ">%", "less of")
        for lift in faster:
            share = -100 * lift["saves"]
            terms = " and ".join(lift["terms"])
            tried.add_row(lift["what"], f"{lift['cycles']:,}", f"{share:.1f}", terms)
        print_table(tried)


def _saving(lift: dict[str, Any]) -> str:
    return f"{lift['before']:,} -> {lift['cycles']:,} cycles"
