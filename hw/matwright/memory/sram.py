# SPDX-License-Identifier: Apache-2.0
"""On-chip SRAM with one write port and one read port."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Sram", "address_width"]


def address_width(depth: int) -> int:
    """Bits that address ``depth`` words, at least 1."""
    return max(1, (depth - 1).bit_length())


class Sram(wiring.Component):
    """``depth`` words of ``width`` bits. ``r_data`` holds while ``r_en`` is low.

    What is read in the cycle in which the word is written is undefined. No user looks at such a
    reading, which lets FPGA tools leave out collision logic.

    Platform overrides: ``get_sram(sram)`` returns the module to use instead.
    """

    LATENCY = 1
    """Cycles from ``r_en`` to ``r_data``."""

    w_en: Signal  # In
    w_addr: Signal  # In, address_width(depth)
    w_data: Signal  # In, width
    r_en: Signal  # In
    r_addr: Signal  # In, address_width(depth)
    r_data: Signal  # Out, width

    def __init__(self, width: int, depth: int) -> None:
        self.width = width
        self.depth = depth
        super().__init__(
            {
                "w_en": In(1),
                "w_addr": In(address_width(depth)),
                "w_data": In(width),
                "r_en": In(1),
                "r_addr": In(address_width(depth)),
                "r_data": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_sram"):
            return platform.get_sram(self)
        m = Module()
        attributes: dict = {"no_rw_check": 1}
        memory: Memory = Memory(
            shape=unsigned(self.width), depth=self.depth, init=[], attrs=attributes
        )
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(self.w_en),
            write.addr.eq(self.w_addr),
            write.data.eq(self.w_data),
            read.en.eq(self.r_en),
            read.addr.eq(self.r_addr),
            self.r_data.eq(read.data),
        ]
        return m
