# SPDX-License-Identifier: Apache-2.0
"""Privileged page: windows, the end of a tenant's use, faults on purpose."""

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .block import OFFSETS, Selects, block_members
from .register_map import window_offset
from .window import PAGE_BITS, windows_layout

__all__ = ["Injection", "PrivilegedPage"]


class Injection(data.StructLayout):
    """Flips of bits ``first`` and ``second`` (one, if equal) in the next word used of a ``bank`` of
    ``memory``, while ``armed``."""

    def __init__(self) -> None:
        super().__init__({"armed": 1, "memory": 2, "bank": 16, "first": 10, "second": 10})


class PrivilegedPage(wiring.Component):
    """The registers from :data:`.register_map.PRIVILEGED` on: a block, see :func:`.block.block_members`.

    They are written as a whole: if all of ``w_strb`` is set.

    A write to BASE or LIMIT closes the window. Windows keep their values while ``frozen``, and locked
    ones until a reset of the domain; ``close`` takes every permission from the others, and disarms the
    injection. ``end`` pulses one cycle after it was written.
    """

    word: Signal  # In, 11
    write: Signal  # In, 1
    w_data: Signal  # In, 32
    w_strb: Signal  # In, 4
    r_data: Signal  # Out, 32
    frozen: Signal  # In, 1
    close: Signal  # In, 1
    end: Signal  # Out, 1
    windows: data.View  # Out, windows_layout(bus)
    inject: data.View  # Out, Injection, if config.build.protected
    injected: Signal  # In, 1, the flip has happened, if config.build.protected
    forget: Signal  # Out, 1, if config.build.protected

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        members = {
            **block_members(),
            "frozen": In(1),
            "close": In(1),
            "end": Out(1),
            "windows": Out(windows_layout(config.bus)),
        }
        if config.build.protected:
            members |= {"inject": Out(Injection()), "injected": In(1), "forget": Out(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._readable: dict[int, Value] = {}
        self._selects = Selects(m, self.word)
        self._whole = self.write & self.w_strb.all()
        m.d.sync += self.end.eq(self._written(OFFSETS["CONTEXT"]) & self.w_data[0])
        if not self.config.build.unsafe_unchecked:
            for i in range(self.config.bus.windows):
                self._window(m, i)
        if self.config.build.protected:
            self._injection(m)
        if self._readable:
            m.d.comb += self.r_data.eq(self._selects.read(self._readable))
        return m

    def _written(self, offset: int) -> Value:
        return self._whole & self._selects[offset]

    def _window(self, m: Module, i: int) -> None:
        window = self.windows[i]
        locked = Signal(name=f"locked_{i}")
        free = ~self.frozen & ~locked
        for name, low_bits in (("base", 0), ("limit", (1 << PAGE_BITS) - 1)):
            page = Value.cast(window[f"not_{name}"])
            low, high = page[: 32 - PAGE_BITS], page[32 - PAGE_BITS :]
            parts: list[tuple[str, Value, Value, Value]] = [
                ("LO", low, self.w_data[PAGE_BITS:], Cat(Const(low_bits, PAGE_BITS), ~low))
            ]
            if len(high):
                parts.append(("HI", high, self.w_data, ~high))
            for half, part, new, seen in parts:
                offset = window_offset(i, f"{name.upper()}_{half}")
                # A window that is being moved permits nothing until its CONTROL is written.
                with m.If(self._written(offset) & free):
                    m.d.sync += [part.eq(~new), window.read.eq(0), window.write.eq(0)]
                self._readable[offset] = seen
        control = window_offset(i, "CONTROL")
        permits = Cat(window.read, window.write, locked)
        with m.If(self._written(control) & free):
            m.d.sync += permits.eq(self.w_data[:3])
        with m.If(self.close & ~locked):
            m.d.sync += permits.eq(0)
        self._readable[control] = permits

    def _injection(self, m: Module) -> None:
        inject = self.inject
        bits, where = OFFSETS["INJECT_BITS"], OFFSETS["INJECT"]
        with m.If(self._written(bits)):
            m.d.sync += [inject.first.eq(self.w_data), inject.second.eq(self.w_data[16:])]
        m.d.sync += self.forget.eq(self._written(where) & self.w_data[30])
        with m.If(self.injected | self.close):
            m.d.sync += inject.armed.eq(0)
        with m.If(self._written(where)):
            m.d.sync += [
                inject.bank.eq(self.w_data),
                inject.memory.eq(self.w_data[16:]),
                inject.armed.eq(self.w_data[31]),
            ]
        self._readable[bits] = Cat(inject.first, Const(0, 6), inject.second)
        self._readable[where] = Cat(inject.bank, inject.memory, Const(0, 13), inject.armed)
