# SPDX-License-Identifier: Apache-2.0
"""Privileged page: windows, the end of a tenant's use, faults on purpose."""

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .register_map import REGISTERS, window_offset
from .select import select
from .window import PAGE_BITS, windows_layout

__all__ = ["Injection", "PrivilegedPage"]

_OFFSETS = {register.name: register.offset for register in REGISTERS}


class Injection(data.StructLayout):
    """Flips of bits ``first`` and ``second`` (one, if equal) in the next word used of a ``bank`` of
    ``memory``, while ``armed``."""

    def __init__(self) -> None:
        super().__init__({"armed": 1, "memory": 2, "bank": 16, "first": 10, "second": 10})


class PrivilegedPage(wiring.Component):
    """The registers from :data:`.register_map.PRIVILEGED` on, without their bus.

    ``write`` takes ``w_data`` for register ``w_word`` (its offset / 4), if all of ``w_strb`` is set: these
    registers are written as a whole. ``r_data`` is register ``r_word``, combinationally, if that is
    ``r_named``, a register that can be read.

    A write to BASE or LIMIT closes the window. Windows keep their values while ``frozen``, and locked
    ones until a reset of the domain; ``close`` takes every permission from the others, and disarms the
    injection. ``end`` pulses one cycle after it was written.
    """

    write: Signal  # In, 1
    w_word: Signal  # In, 11
    w_data: Signal  # In, 32
    w_strb: Signal  # In, 4
    r_word: Signal  # In, 11
    r_data: Signal  # Out, 32
    r_named: Signal  # Out, 1
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
            "write": In(1),
            "w_word": In(11),
            "w_data": In(32),
            "w_strb": In(4),
            "r_word": In(11),
            "r_data": Out(32),
            "r_named": Out(1),
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
        self._whole = self.write & self.w_strb.all()
        m.d.sync += self.end.eq(self._written(_OFFSETS["CONTEXT"]) & self.w_data[0])
        if not self.config.build.unsafe_unchecked:
            for i in range(self.config.bus.windows):
                self._window(m, i)
        if self.config.build.protected:
            self._injection(m)
        if not self._readable:
            return m
        words = {offset >> 2: value for offset, value in self._readable.items()}
        data, named = select(m, words, self.r_word, "privileged")
        m.d.comb += [self.r_data.eq(data), self.r_named.eq(named)]
        return m

    def _written(self, offset: int) -> Value:
        return self._whole & (self.w_word == offset >> 2)

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
        bits, where = _OFFSETS["INJECT_BITS"], _OFFSETS["INJECT"]
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
