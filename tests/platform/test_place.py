# SPDX-License-Identifier: Apache-2.0
"""Placing a part: a plain submodule, or what the platform answers with."""

import pytest
from amaranth import Module, Signal
from amaranth.hdl import Instance
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from matwright.emit import convert
from matwright.platform.place import place
from matwright.platform.verilog import VerilogPlatform
from matwright_sim.agents.trace import element_of, simulate
from matwright_sim.ports import modules


class Increment(wiring.Component):
    """``o`` is ``i + 1``, one cycle later."""

    i: Signal  # In, 8
    o: Signal  # Out, 8

    def __init__(self) -> None:
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o.eq(self.i + 1)
        return m


class Pair(wiring.Component):
    """Two equal parts in a row."""

    i: Signal  # In, 8
    o: Signal  # Out, 8

    def __init__(self, second: str = "increment") -> None:
        self.second = second
        self.made = 0
        super().__init__({"i": In(8), "o": Out(8)})

    def make(self) -> Increment:
        self.made += 1
        return Increment()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        between = Signal(8)
        for name, module, source, sink in (
            ("one", "increment", self.i, between),
            ("two", self.second, between, self.o),
        ):
            place(
                m,
                platform,
                name=name,
                module=module,
                make=self.make,
                inputs={"i": source},
                outputs={"o": sink},
            )
        return m


def test_without_a_platform_parts_are_submodules() -> None:
    dut = Pair()
    record = simulate(dut, {"i": [0, 10, 20, 30, 40]}, ["o"])
    seen = [element_of(bits, 8, 0, signed=False) for bits in record["o"]]
    assert seen == [0, 1, 2, 12, 22]
    assert dut.made == 2


@pytest.mark.parametrize(("second", "parts"), [("increment", 1), ("other", 2)])
def test_parts_of_one_name_are_converted_once(second: str, parts: int) -> None:
    dut = Pair(second)
    text = convert(dut, "top")
    assert list(modules(text)) == ["top", *(f"top_{n}" for n in ("increment", "other")[:parts])]
    assert dut.made == parts
    assert text.count("top_increment one ") == 1
    assert text.count(f"top_{second} two ") == 1


def test_platform_answers_with_an_instance() -> None:
    platform = VerilogPlatform("p")
    a, b, reset = Signal(8), Signal(8), Signal()
    answer = platform.shared("part", Increment, {"i": a}, {"o": b}, reset)
    assert isinstance(answer, Instance)
    assert platform.parts == {"part": Increment}
