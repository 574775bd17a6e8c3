# SPDX-License-Identifier: Apache-2.0
"""On-chip SRAM with one port, for a word that is written or one that is read."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib.memory import Memory

from .sram import Sram

__all__ = ["SinglePortSram"]


class SinglePortSram(Sram):
    """An :class:`.Sram` whose ``w_en`` and ``r_en`` are never high in one cycle.

    After a write ``r_data`` is undefined until the next read has come. If both enables are high the word
    is written, and what is read is undefined, whichever word it is.

    Platform overrides: ``get_single_port_sram(sram)`` returns the module to use instead.
    """

    def elaborate(self, platform: object) -> Module:
        if hasattr(platform, "get_single_port_sram"):
            return platform.get_single_port_sram(self)
        m = Module()
        attributes: dict = {"no_rw_check": 1}
        memory: Memory = Memory(
            shape=unsigned(self.width), depth=self.depth, init=[], attrs=attributes
        )
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        address = self.address(m)
        m.d.comb += [
            write.en.eq(self.w_en),
            write.addr.eq(address),
            write.data.eq(self.w_data),
            read.en.eq(self.r_en & ~self.w_en),
            read.addr.eq(address),
        ]
        self.show(m, read.data)
        return m

    def address(self, m: Module) -> Signal:
        """The address at the one port."""
        address = Signal.like(self.w_addr, name="address")
        m.d.comb += address.eq(Mux(self.w_en, self.w_addr, self.r_addr))
        return address
