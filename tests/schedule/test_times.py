# SPDX-License-Identifier: Apache-2.0
"""Products with constants are Python's, of as few terms as promised, and wires for powers of two."""

from random import Random

import pytest
from amaranth import Module, Signal
from amaranth.back import verilog
from amaranth.sim import Simulator

from matwright.schedule.times import times

SEED = 17

WIDTH = 7


@pytest.mark.parametrize("factor", [*range(1, 70), 192, 240, 1020, 1021])
def test_every_product_is_that_of_python(factor: int) -> None:
    m = Module()
    value = Signal(WIDTH)
    product = Signal(WIDTH + 11)
    m.d.comb += product.eq(times(value, factor))
    random = Random(SEED + factor)
    values = [0, 1, (1 << WIDTH) - 1, *(random.randrange(1 << WIDTH) for _ in range(8))]

    async def bench(ctx):
        for number in values:
            ctx.set(value, number)
            await ctx.delay(1e-6)
            assert ctx.get(product) == number * factor, f"seed {SEED}: {number} * {factor}"

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(
    ("factor", "adders"), [(3, 1), (12, 1), (15, 1), (24, 1), (11, 2), (23, 2), (119, 2)]
)
def test_a_product_is_of_adders(factor: int, adders: int) -> None:
    text = _verilog(factor)
    assert "*" not in _code(text)
    assert sum(_code(text).count(sign) for sign in (" + ", " - ")) == adders


@pytest.mark.parametrize("factor", [1, 2, 8, 64])
def test_a_power_of_two_is_a_product_for_yosys(factor: int) -> None:
    """As it was before: what is generated for most configurations stays the same to the byte."""
    assert f" * {factor.bit_length()}'h{factor:x}" in _code(_verilog(factor))


def _verilog(factor: int) -> str:
    m = Module()
    value = Signal(WIDTH, name="value")
    product = Signal(WIDTH + 11, name="product")
    m.d.comb += product.eq(times(value, factor))
    return verilog.convert(m, ports=[value, product], emit_src=False)


def _code(text: str) -> str:
    """``text`` without attributes and comments."""
    return "\n".join(line for line in text.splitlines() if "(*" not in line and "/*" not in line)
