# SPDX-License-Identifier: Apache-2.0
"""On-chip memory with a single port for reads and writes."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..memory.sram import address_width

__all__ = ["SinglePortRam"]

_BYTE = 8


class SinglePortRam(wiring.Component):
    """``depth`` words of ``width`` bits, whole bytes; one access in each cycle in which ``en`` is high.

    With all of ``w_mask`` 0 the word is read. Otherwise the bytes of ``w_data`` whose bit of ``w_mask`` is
    1 are written, and what is read is undefined. ``r_data`` comes from a register, which large memories
    need; while ``en`` is low everything stays as it is.

    Platform overrides: ``get_single_port_ram(ram)`` returns the module to use instead.
    """

    LATENCY = 2
    """Cycles with ``en`` from an access, its own among them, to ``r_data``."""

    en: Signal  # In
    w_mask: Signal  # In, width / 8
    addr: Signal  # In, address_width(depth)
    w_data: Signal  # In, width
    r_data: Signal  # Out, width

    def __init__(self, width: int, depth: int) -> None:
        if width < 1 or width % _BYTE:
            raise ValueError(f"width must be a positive multiple of {_BYTE}, not {width}")
        if depth < 1:
            raise ValueError(f"depth must be at least 1, not {depth}")
        self.width = width
        self.depth = depth
        super().__init__(
            {
                "en": In(1),
                "w_mask": In(width // _BYTE),
                "addr": In(address_width(depth)),
                "w_data": In(width),
                "r_data": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_single_port_ram"):
            return platform.get_single_port_ram(self)
        m = Module()
        # What is read while the word is written is not used.
        attributes: dict = {"no_rw_check": 1}
        memory: Memory = Memory(
            shape=unsigned(self.width), depth=self.depth, init=[], attrs=attributes
        )
        m.submodules.memory = memory
        write, read = memory.write_port(granularity=_BYTE), memory.read_port()
        with m.If(self.en):
            m.d.comb += write.en.eq(self.w_mask)
        m.d.comb += [
            write.addr.eq(self.addr),
            write.data.eq(self.w_data),
            read.en.eq(self.en),
            read.addr.eq(self.addr),
        ]
        data = Signal(self.width, reset_less=True)
        with m.If(self.en):
            m.d.sync += data.eq(read.data)
        m.d.comb += self.r_data.eq(data)
        return m
