# SPDX-License-Identifier: Apache-2.0
"""``matwright demo``: real handwritten digits, classified on the generated Verilog."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matwright.commands.common import (
    Subparsers,
    add_command,
    add_json,
    print_error,
    print_json,
    print_table,
    progress,
    table,
    write_files,
)
from matwright.presets import preset

from .common import refusals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["register"]

_PRESET = "edge"
_OUTPUT = Path("build/demo")
_MEMORY_BYTES = 1 << 20


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "demo",
        run,
        summary="classify real handwritten digits on a generated accelerator",
        details=(
            f"Generates the preset {_PRESET}, compiles its Verilog into a simulator, and classifies\n"
            "the handwritten digits that the shipped network was not trained on, layer by layer,\n"
            "through the driver. The logits must equal those of the golden model, image for image;\n"
            "the exit status is 1 if they do not."
        ),
        example="matwright demo -o build/demo",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=_OUTPUT,
        help=f"folder for the generated files (default {_OUTPUT})",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generates, simulates, compares, prints."""
    with refusals():
        result = _demo(arguments)
    if arguments.json:
        print_json(result)
    else:
        _print(result)
    if result["error"]:
        print_error(result["error"])
    return 1 if result["error"] else 0


def _demo(arguments: argparse.Namespace) -> dict[str, Any]:
    import numpy as np

    from matwright.artefacts.bundle import bundle
    from matwright_sw import Network
    from matwright_sw.operands import scale_words

    from ..golden.gemm import gemm
    from ..session import open_machine

    config, folder = preset(_PRESET), arguments.output
    begin = time.perf_counter()

    def golden_gemm(
        a: "NDArray[Any]",
        b: "NDArray[Any]",
        *,
        scale: "NDArray[np.float64] | None",
        **options: Any,
    ) -> "NDArray[Any]":
        words = None if scale is None else scale_words(scale)
        return gemm(config.precision, a, b, scale_words=words, raw=scale is None, **options)

    network = Network.load()
    images, labels = network.test_images, network.test_labels
    with progress(enabled=not arguments.json) as bar:
        task = bar.add_task(f"generating {config.name}", total=None)
        files = bundle(config)
        write_files(folder, files)
        bar.update(task, description="compiling the simulator")
        simulated = 0

        def show(cycles: int) -> None:
            bar.update(task, completed=simulated + cycles)

        with open_machine(
            config,
            verilog=files[f"{config.name}.v"],
            memory_bytes=_MEMORY_BYTES,
            on_progress=show,
        ) as session:
            built = time.perf_counter()
            bar.update(task, description=f"simulating {len(images)} digits")
            hardware, reports = network.run(session.driver, images)
            simulation = time.perf_counter() - built
            cycles = session.machine.cycles
    golden = network.golden(images, golden_gemm)
    floating = network.float_logits(images)
    wrong = np.flatnonzero((hardware != golden).any(axis=1))
    error = ""
    if wrong.size:
        error = (
            f"the hardware's logits must equal the golden model's, but differ for {wrong.size} of "
            f"{len(images)} images, the first of them number {wrong[0]}"
        )
    layers = [
        {
            "k": layer.weight.shape[0],
            "n": layer.weight.shape[1],
            "cycles": report.cycles,
            "macs": report.macs,
            "utilization": report.utilization,
            "counters": report.counters,
        }
        for layer, report in zip(network.layers, reports, strict=True)
    ]
    return {
        "match": not error,
        "error": error,
        "images": len(images),
        "accuracy": {
            "float": network.accuracy(floating, labels),
            "golden": network.accuracy(golden, labels),
            "hardware": network.accuracy(hardware, labels),
        },
        "layers": layers,
        "cycles": sum(report.cycles or 0 for report in reports),
        "simulated_cycles": cycles,
        "simulated_cycles_per_second": cycles / simulation,
        "seconds": {"build": built - begin, "simulation": simulation},
        "config": config.name,
        "config_sha256": config.digest,
        "folder": str(folder),
        "files": [str(folder / name) for name in files],
    }


def _print(result: dict[str, Any]) -> None:
    count, seconds = result["images"], result["seconds"]
    accuracy = table(f"{count} handwritten digits", ">correct", ">accuracy")
    for name, value in result["accuracy"].items():
        accuracy.add_row(name, str(round(value * count)), f"{value:.2%}")
    print_table(accuracy)
    print(
        "hardware and golden model: the same logits for every image"
        if result["match"]
        else "hardware and golden model: DIFFERENT"
    )
    print()
    layers = table("layer", ">M", ">K", ">N", ">cycles", ">MACs", ">utilization")
    for i, layer in enumerate(result["layers"], 1):
        shape = (str(count), str(layer["k"]), str(layer["n"]))
        figures = (f"{layer['cycles']:,}", f"{layer['macs']:,}", f"{layer['utilization']:.1%}")
        layers.add_row(str(i), *shape, *figures)
    print_table(layers)
    print()
    print(
        f"{result['cycles']:,} cycles on {result['config']}; generated and compiled in "
        f"{seconds['build']:.1f} s, simulated in {seconds['simulation']:.2f} s: "
        f"{result['simulated_cycles_per_second']:,.0f} cycles per second"
    )
    print(f"files in {result['folder']}: {', '.join(Path(f).name for f in result['files'])}")
