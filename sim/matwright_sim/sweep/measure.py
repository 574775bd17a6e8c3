# SPDX-License-Identifier: Apache-2.0
"""What is measured of a point: pure functions, which processes and other machines import by name.

A :class:`Task` is a batch of points and one kind of measurement; :func:`measure` carries it out and
raises nothing that a point is to blame for.
"""

import functools
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matwright.config import AcceleratorConfig

from ..cycles import REFUSED, Memory, estimate
from ..cycles.gemm import gemm_program
from .spec import Synth
from .workload import Shape

__all__ = [
    "KINDS",
    "Done",
    "Measured",
    "Task",
    "code_version",
    "measure",
    "model_cycles",
    "rtl_cycles",
    "synthesized",
]

KINDS = ("model", "rtl", "synth")
"""Kinds of measurement, in the order in which they are made."""

_PAGE = 4096


@dataclass(frozen=True)
class Task:
    """Configurations, and what is to be measured of each."""

    kind: str
    keys: tuple[str, ...]
    """Names of the results in the store."""
    configs: tuple[AcceleratorConfig, ...]
    shapes: tuple[Shape, ...] = ()
    memory: Memory = field(default_factory=Memory)
    synth: Synth | None = None

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Measured:
    """What came of one point."""

    value: Any = None
    """Plain data: cycles of each shape, or figures by name."""
    reason: str = ""
    """Why there is no value, one sentence."""
    lasting: bool = True
    """The reason lies in the point: to measure again would change nothing."""


@dataclass(frozen=True)
class Done:
    """What came of a task, in its order, and how long it took."""

    results: tuple[Measured, ...]
    seconds: float


def model_cycles(
    configs: Sequence[AcceleratorConfig], shapes: Sequence[Shape], memory: Memory
) -> NDArray[np.int64]:
    """Cycles of each shape on each configuration by the cycle model; :data:`.REFUSED` where it has none."""
    cycles = np.empty((len(configs), len(shapes)), np.int64)
    for raw in (False, True):
        places = [place for place, shape in enumerate(shapes) if shape.raw == raw]
        if places:
            sizes = [(shapes[place].m, shapes[place].n, shapes[place].k) for place in places]
            cycles[:, places] = estimate(configs, sizes, memory, raw=raw)
    return cycles


def _of_row(task: Task, config: AcceleratorConfig, row: NDArray[np.int64]) -> Measured:
    """Cycles of a configuration; where a shape is refused, the sentence of who makes programs."""
    for place in np.flatnonzero(row == REFUSED)[:1]:
        shape = task.shapes[place]
        gemm_program(config, shape.m, shape.n, shape.k, raw=shape.raw, memory=task.memory)
        raise AssertionError(f"{shape} is refused, and has a program")
    return Measured(row.tolist())


def rtl_cycles(config: AcceleratorConfig, shapes: Sequence[Shape], memory: Memory) -> list[int]:
    """Cycles of each shape on the compiled Verilog, whose results must be those of the golden model."""
    from matwright import layout
    from matwright.config import ceil_div

    from ..session import open_machine

    def size(s: Shape) -> int:
        result = max(layout.d_stride(config, s.n, raw=True), layout.a_stride(config, s.n))
        need = s.m * (layout.a_stride(config, s.k) + result) + layout.table_bytes(config, s.n)
        need += ceil_div(s.k, config.rows) * layout.b_stride(config, s.n)
        return (ceil_div(need, _PAGE) + 1) * _PAGE

    cycles = []
    # Of the size that is needed, for the device takes no more than its addresses reach.
    with open_machine(
        config,
        memory_bytes=max(map(size, shapes)),
        read_latency=memory.read_latency,
        write_latency=memory.write_latency,
    ) as session:
        for shape in shapes:
            _run(session.driver, config, shape)
            cycles.append(session.cycles)
    return cycles


def _run(driver: Any, config: AcceleratorConfig, shape: Shape) -> None:
    """One GEMM of random operands; raises :class:`ArithmeticError` for a wrong result."""
    from matwright_sw.operands import scale_words

    from ..golden.gemm import gemm

    precision = config.precision
    rng = np.random.default_rng(0)
    a_top, b_top = 1 << (precision.a_width - 1), 1 << (precision.b_width - 1)
    a = rng.integers(-a_top, a_top, (shape.m, shape.k), (np.int8, np.int16)[precision.a_bytes - 1])
    b = rng.integers(-b_top, b_top, (shape.k, shape.n), (np.int8, np.int16)[precision.b_bytes - 1])
    if shape.raw:
        got, expected = driver.gemm(a, b), gemm(precision, a, b, raw=True)
    else:
        scale = np.full(shape.n, min(1.0, 64 / (shape.k**0.5 * a_top * b_top)))
        bias = np.zeros(shape.n, np.int32)
        got = driver.gemm(a, b, bias=bias, scale=scale)
        expected = gemm(precision, a, b, bias=bias, scale_words=scale_words(scale))
    if not np.array_equal(got, expected):
        raise ArithmeticError(
            f"the Verilog's result of {shape.m},{shape.n},{shape.k} differs from the golden model's "
            f"in {np.count_nonzero(got != expected)} of {expected.size} elements"
        )


def synthesized(config: AcceleratorConfig, synth: Synth) -> dict[str, Any]:
    """Clock and area on a device."""
    from matwright_fpga.flow import figures

    result = figures(
        config,
        synth.family,
        synth.device,
        speed=synth.speed,
        seeds=range(1, synth.seeds + 1),
        frequency=synth.frequency,
        jobs=1,  # of processes there are many
    )
    return {
        "fmax_mhz": result.median,
        **{name: use.used for name, use in result.resources.items()},
    }


def measure(task: Task) -> Done:
    """Carries out a task. What a point is to blame for becomes its reason."""
    start = time.perf_counter()
    if task.kind == "model":
        try:
            rows = model_cycles(task.configs, task.shapes, task.memory)
        except Exception:
            # One of them is to blame: point by point, then.
            results = [
                _attempt(
                    lambda: _of_row(
                        task, config, model_cycles([config], task.shapes, task.memory)[0]
                    )
                )
                for config in task.configs
            ]
        else:
            results = [
                _attempt(lambda: _of_row(task, config, row))
                for config, row in zip(task.configs, rows, strict=True)
            ]
    else:
        results = [_attempt(lambda: _alone(task, config)) for config in task.configs]
    return Done(tuple(results), time.perf_counter() - start)


def _alone(task: Task, config: AcceleratorConfig) -> Measured:
    if task.kind == "rtl":
        return Measured(rtl_cycles(config, task.shapes, task.memory))
    assert task.synth is not None
    return Measured(synthesized(config, task.synth))


def _attempt(work: Callable[[], Measured]) -> Measured:
    try:
        return work()
    except Exception as error:
        told = " ".join(str(error).split())
        if not isinstance(error, _refusals()):
            told = f"{type(error).__name__}: {told}" if told else type(error).__name__
        return Measured(reason=told, lasting=isinstance(error, _lasting()))


@functools.cache
def _lasting() -> tuple[type[Exception], ...]:
    """Refusals that lie in the point."""
    from matwright_fpga.errors import FitError, RoutingError
    from matwright_sw import OperandError, OutOfMemory

    return OperandError, OutOfMemory, FitError, RoutingError, ArithmeticError


@functools.cache
def _refusals() -> tuple[type[Exception], ...]:
    """Errors whose message is a sentence of its own."""
    from matwright_fpga.errors import FpgaError
    from matwright_sw import DriverError

    from ..compiled import BuildError
    from ..toolchain import ToolError

    return FpgaError, DriverError, BuildError, ToolError, ArithmeticError


@functools.cache
def code_version() -> str:
    """SHA-256 of the source files that results come from: the packages, less what only shows them."""
    import matwright
    import matwright_fpga
    import matwright_sw

    digest = hashlib.sha256()
    here = Path(__file__).parents[1]
    roots = [Path(str(p.__file__)).parent for p in (matwright, matwright_fpga, matwright_sw)]
    for root in (*roots, here):
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix not in (".py", ".cpp", ".hpp") or "commands/" in name:
                continue
            if root == here and name.startswith("sweep/") and name != "sweep/measure.py":
                continue
            data = path.read_bytes()
            digest.update(f"{root.name}/{name} {len(data)}\n".encode())
            digest.update(data)
    return digest.hexdigest()
