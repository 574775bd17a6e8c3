# SPDX-License-Identifier: Apache-2.0
"""The program that the driver makes of a GEMM, without operands and without a device."""

from dataclasses import dataclass

from matwright import layout
from matwright.config import AcceleratorConfig, ceil_div
from matwright.schedule.descriptor import Descriptor
from matwright_sw.driver import ALIGNMENT
from matwright_sw.memory import Allocator
from matwright_sw.operands import Activations, Table, Weights, check_limit
from matwright_sw.program import Program
from matwright_sw.search import Choice
from matwright_sw.tiling import Tiling

from .memory import Memory

__all__ = ["GemmProgram", "gemm_program"]


@dataclass(frozen=True)
class GemmProgram:
    """A program of one descriptor, and where it is."""

    descriptor: Descriptor
    address: int
    """Byte address of the program."""
    choice: Choice
    """How it is cut into blocks and chunks, and what chose it."""

    @property
    def tiling(self) -> Tiling:
        """How it is cut into blocks and chunks."""
        return self.choice.tiling


def gemm_program(
    config: AcceleratorConfig,
    m: int,
    n: int,
    k: int,
    *,
    raw: bool = False,
    table: bool | None = None,
    tiling: Tiling | None = None,
    memory: Memory | None = None,
) -> GemmProgram:
    """What :meth:`matwright_sw.Driver.gemm` runs on a fresh device: the same places, the same tiling.

    ``table``: bias or scales of columns come in a table; without being told, unless ``raw``. ``tiling``
    replaces the driver's own, for which ``memory`` has the latency. Raises
    :class:`matwright_sw.OperandError` for sizes or a tiling that the device refuses.
    """
    for axis, size in (("m", m), ("n", n), ("k", k)):
        check_limit(config, axis, size)
    size = 1 << config.bus.addr_width
    latency = Memory() if memory is None else memory
    space = Allocator(0, size, max(ALIGNMENT, config.bus.bytes))
    columns = None
    if not raw if table is None else table:
        columns = Table(space.allocate(layout.table_bytes(config, n), "the table"), n)
    a_stride, b_stride = layout.a_stride(config, k), layout.b_stride(config, n)
    a = Activations(space.allocate(m * a_stride, f"an a of {m} x {k}"), m, k, a_stride, False)
    b_bytes = ceil_div(k, config.rows) * b_stride
    b = Weights(space.allocate(b_bytes, f"a b of {k} x {n}"), k, n, b_stride)
    program = Program(config, space, latency.read_latency, latency.write_latency)
    program.gemm(a, b, table=columns, raw=raw, tiling=tiling)
    code = space.allocate(len(program.pack()), "the program")
    (descriptor,) = program.descriptors
    (choice,) = program.tilings
    return GemmProgram(descriptor, code.address, choice)
