# SPDX-License-Identifier: Apache-2.0
"""``matwright demo``: real handwritten digits, classified on the generated Verilog or on a board."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matwright.bus.register_map import REGISTERS, constants
from matwright.commands.common import (
    Subparsers,
    UsageError,
    add_command,
    add_config,
    add_json,
    print_error,
    print_json,
    print_table,
    progress,
    table,
    write_files,
)
from matwright.config import AcceleratorConfig, ceil_div
from matwright.presets import PRESETS, preset

from .common import refusals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from matwright_sw import Driver, Network, Report, Transport

__all__ = ["register"]

_SIMULATED, _BOARD = "edge", "tiny"
_BAUD = 1_000_000  # the driver's own, which takes long to import
_OUTPUT = Path("build/demo")
_MEMORY_BYTES = 1 << 20


def register(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers,
        "demo",
        run,
        summary="classify real handwritten digits on a generated accelerator, simulated or on a board",
        details=(
            f"Generates the preset {_SIMULATED}, compiles its Verilog into a simulator, and classifies\n"
            "the handwritten digits that the shipped network was not trained on, layer by layer,\n"
            "through the driver. The logits must equal those of the golden model, image for image;\n"
            "the exit status is 1 if they do not.\n"
            "\n"
            "With --port the accelerator is that of a board at a serial port, and nothing is\n"
            "generated. 'matwright board' makes a board without a board."
        ),
        example=(
            "matwright demo -o build/demo\n"
            "matwright demo --port /dev/ttyUSB0\n"
            "matwright demo --port /dev/ttyUSB1 --baud 500000 --config mine.toml"
        ),
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help=f"folder for the generated files (default {_OUTPUT})",
    )
    add_config(parser, "--config", f" (default {_SIMULATED}, of a board {_BOARD})")
    parser.add_argument(
        "--port", metavar="PORT", help="serial port of a board, or a URL that pyserial knows"
    )
    parser.add_argument(
        "--baud", metavar="N", type=_baud, help=f"bits per second of the port (default {_BAUD:,})"
    )
    add_json(parser)


def _baud(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"must be a positive integer, not {text!r}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Simulates or talks to a board, compares, prints."""
    if arguments.port is None and arguments.baud is not None:
        raise UsageError("--baud must come with --port")
    if arguments.port is not None and arguments.output is not None:
        raise UsageError("--output must come without --port: nothing is generated for a board")
    with refusals():
        result = _simulated(arguments) if arguments.port is None else _on_board(arguments)
    if arguments.json:
        print_json(result)
    elif "accuracy" in result:
        _print(result)
    if result["error"]:
        print_error(result["error"])
    return 1 if result["error"] else 0


# The work.


def _simulated(arguments: argparse.Namespace) -> dict[str, Any]:
    from matwright.artefacts.bundle import bundle
    from matwright_sw import Network

    from ..session import open_machine

    config, folder = arguments.config or preset(_SIMULATED), arguments.output or _OUTPUT
    begin = time.perf_counter()
    network = Network.load()
    with progress(enabled=not arguments.json) as bar:
        task = bar.add_task(f"generating {config.name}", total=None)
        files = bundle(config)
        write_files(folder, files)
        bar.update(task, description="compiling the simulator")
        with open_machine(
            config,
            verilog=files[f"{config.name}.v"],
            memory_bytes=_MEMORY_BYTES,
            on_progress=lambda cycles: bar.update(task, completed=cycles),
        ) as session:
            built = time.perf_counter()
            bar.update(task, description=f"simulating {len(network.test_images)} digits")
            hardware, reports = _classify(network, session.driver)
            simulation = time.perf_counter() - built
            cycles = session.machine.cycles
    return {
        **_compared(config, network, hardware, reports),
        "simulated_cycles": cycles,
        "simulated_cycles_per_second": cycles / simulation,
        "seconds": {"build": built - begin, "simulation": simulation},
        "folder": str(folder),
        "files": [str(folder / name) for name in files],
    }


def _on_board(arguments: argparse.Namespace) -> dict[str, Any]:
    from matwright_sw import (
        Driver,
        DriverTimeout,
        HardwareError,
        IdentificationError,
        Network,
        SerialTransport,
    )

    config, baud = arguments.config or preset(_BOARD), arguments.baud or _BAUD
    result: dict[str, Any] = {"port": arguments.port, "baud": baud}
    network = Network.load()
    with progress(enabled=not arguments.json) as bar:
        task = bar.add_task(f"looking for {config.name} at {arguments.port}", total=None)
        with SerialTransport(arguments.port, baud=baud) as transport:
            try:
                driver = Driver(config, transport)
            except IdentificationError as error:
                raise UsageError(f"{error}: {_other(transport)}") from error
            bar.update(task, description=f"classifying {len(network.test_images)} digits")
            begin = time.perf_counter()
            try:
                result |= _compared(config, network, *_classify(network, driver))
            except (HardwareError, DriverTimeout) as fault:
                result |= {"match": False, "error": str(fault)}
            result["seconds"] = {"board": time.perf_counter() - begin}
            result["link"] = {
                "bits_per_second": transport.bits_per_second,
                "frames": transport.frames,
                "retries": transport.retries,
                "bytes_sent": transport.bytes_sent,
                "bytes_received": transport.bytes_received,
            }
    return result


def _other(transport: "Transport") -> str:
    """What to do about a board of another configuration."""
    offset = next(register.offset for register in REGISTERS if register.name == "CONFIG_HASH")
    held = transport.read_register(offset)
    for config in PRESETS.values():
        if constants(config)["CONFIG_HASH"] == held:
            return f"the board has {config.name}, so try --config {config.name}"
    return "name the board's own configuration with --config"


def _classify(network: "Network", driver: "Driver") -> tuple["NDArray[np.int32]", list["Report"]]:
    """Logits of all test images, and a report for each layer: in batches, as large as memory takes."""
    import numpy as np

    from matwright_sw import OutOfMemory, Report

    images = network.test_images
    size = min(len(images), driver.config.limits.max_m)
    while True:
        try:
            parts = [network.run(driver, images[i : i + size]) for i in range(0, len(images), size)]
            break
        except OutOfMemory:
            if size == 1:
                raise
            size = ceil_div(size, 2)
    reports = []
    for layer in zip(*(reports for _, reports in parts), strict=True):
        counters = {name: sum(x.counters[name] for x in layer) for name in layer[0].counters}
        reports.append(Report(sum(x.macs for x in layer), layer[0].peak_macs, counters))
    return np.concatenate([logits for logits, _ in parts]), reports


def _compared(
    config: AcceleratorConfig,
    network: "Network",
    hardware: "NDArray[np.int32]",
    reports: list["Report"],
) -> dict[str, Any]:
    """What came out, beside what the golden model and the network in floating point say."""
    import numpy as np

    from matwright_sw.operands import scale_words

    from ..golden.gemm import gemm

    def golden_gemm(
        a: "NDArray[Any]",
        b: "NDArray[Any]",
        *,
        scale: "NDArray[np.float64] | None",
        **options: Any,
    ) -> "NDArray[Any]":
        words = None if scale is None else scale_words(scale)
        return gemm(config.precision, a, b, scale_words=words, raw=scale is None, **options)

    images, labels = network.test_images, network.test_labels
    golden = network.golden(images, golden_gemm)
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
            "float": network.accuracy(network.float_logits(images), labels),
            "golden": network.accuracy(golden, labels),
            "hardware": network.accuracy(hardware, labels),
        },
        "layers": layers,
        "cycles": sum(report.cycles or 0 for report in reports) or None,
        "config": config.name,
        "config_sha256": config.digest,
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
        figures = f"{layer['macs']:,}", "-"
        cycles = "-"
        if layer["cycles"]:  # of an accelerator with counters
            figures = f"{layer['macs']:,}", f"{layer['utilization']:.1%}"
            cycles = f"{layer['cycles']:,}"
        layers.add_row(str(i), *shape, cycles, *figures)
    print_table(layers)
    print()
    cycles = f"{result['cycles']:,} cycles on " if result["cycles"] else ""
    if "link" in result:
        link = result["link"]
        print(
            f"{cycles}{result['config']} at {result['port']}, in {seconds['board']:.1f} s: "
            f"{link['frames']:,} frames, {link['retries']:,} retries, {link['bytes_sent']:,} bytes to "
            f"the board, {link['bytes_received']:,} back"
        )
        return
    print(
        f"{cycles}{result['config']}; generated and compiled in "
        f"{seconds['build']:.1f} s, simulated in {seconds['simulation']:.2f} s: "
        f"{result['simulated_cycles_per_second']:,.0f} cycles per second"
    )
    print(f"files in {result['folder']}: {', '.join(Path(f).name for f in result['files'])}")
