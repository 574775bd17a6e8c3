# SPDX-License-Identifier: Apache-2.0
"""On-chip SRAM with one write port and one read port."""

from amaranth import Module, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import Build

__all__ = ["Sram", "address_width", "read_latency"]


def address_width(depth: int) -> int:
    """Bits that address ``depth`` words, at least 1."""
    return max(1, (depth - 1).bit_length())


def read_latency(build: Build) -> int:
    """Cycles from ``r_en`` to ``r_data`` of an :class:`Sram` as ``build`` wants it."""
    return 1 + build.sram_registers


class Sram(wiring.Component):
    """``depth`` words of ``width`` bits. ``r_data`` holds while ``r_en`` is low.

    With ``registers`` 1 there is a register behind: it takes over what was read in a cycle before
    in those cycles in which ``r_moves`` is high, and is what ``r_data`` shows. If it never ``waits``, it
    does so in each cycle, and there is no ``r_moves``.

    What is read in the cycle in which the word is written is undefined. No user looks at such a
    reading, which lets FPGA tools leave out collision logic.

    Platform overrides: ``get_sram(sram)`` returns the module to use instead.
    """

    w_en: Signal  # In
    w_addr: Signal  # In, address_width(depth)
    w_data: Signal  # In, width
    r_en: Signal  # In
    r_addr: Signal  # In, address_width(depth)
    r_moves: Signal  # In, if registers and waits
    r_data: Signal  # Out, width

    def __init__(self, width: int, depth: int, registers: int = 0, waits: bool = True) -> None:
        self.width = width
        self.depth = depth
        self.registers = registers
        self.waits = waits
        super().__init__(self.members(width, depth, registers and waits))

    @staticmethod
    def members(width: int, depth: int, moves: int) -> dict[str, wiring.Member]:
        """The ports of such an SRAM; ``moves``: with ``r_moves``."""
        r_moves = {"r_moves": In(1)} if moves else {}
        return {
            "w_en": In(1),
            "w_addr": In(address_width(depth)),
            "w_data": In(width),
            "r_en": In(1),
            "r_addr": In(address_width(depth)),
            **r_moves,
            "r_data": Out(width),
        }

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
        ]
        self.show(m, read.data)
        return m

    def show(self, m: Module, word: Value) -> None:
        """Make ``r_data`` of the ``word`` that the cells hold on their output."""
        if self.registers:
            # Like that output it has no reset; masks keep what it holds from whoever may not see it.
            r_data = Signal(self.width, name="r_data_q", reset_less=True)
            with m.If(self.r_moves if self.waits else 1):
                m.d.sync += r_data.eq(word)
            word = r_data
        m.d.comb += self.r_data.eq(word)
