# SPDX-License-Identifier: Apache-2.0
"""Pieces in Amaranth's simulator, against a list of slices; the counter against subtraction."""

from random import Random
from typing import Any

import pytest
from amaranth import Elaboratable, Module, Signal
from amaranth.sim import Simulator

from matwright.config import AcceleratorConfig, Limits
from matwright.schedule.job import LoadJob
from matwright.schedule.pieces import Pieces, counted, cut_blocks


def _cut(total: int, piece: int) -> list[tuple[int, int, bool]]:
    """Offset, size, last of each piece."""
    places = range(0, total, piece)
    return [(place, min(piece, total - place), place + piece >= total) for place in places]


@pytest.mark.parametrize(("most", "largest"), [(40, 8), (5, 16), (64, 64), (1, 1), (1023, 128)])
def test_against_slices(most: int, largest: int) -> None:
    """Each total from its ends and some between; a walk may be left for the next total any time."""
    print(f"seed {most}")
    rng = Random(most)
    dut = Pieces(range(most + 1), range(largest + 1))
    pairs = [(total, piece) for total in (1, most) for piece in (1, largest)]
    pairs += [(rng.randint(1, most), rng.randint(1, largest)) for _ in range(150)]

    async def bench(ctx: Any) -> None:
        ctx.set(dut.look, 1)
        for total, piece in pairs:
            ctx.set(dut.total, total)
            ctx.set(dut.piece, piece)
            ctx.set(dut.start, 1)
            # A step in the same cycle does not matter.
            ctx.set(dut.step, rng.randrange(2))
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.step, 0)
            for offset, size, last in _cut(total, piece)[: rng.choice([1, 4, 2000])]:
                for _ in range(rng.randint(1, 2)):
                    assert ctx.get(dut.offset) == offset
                    assert (ctx.get(dut.size), ctx.get(dut.minus)) == (size, -size)
                    assert (ctx.get(dut.last), ctx.get(dut.one)) == (last, size == 1)
                    await ctx.tick()
                if not last:
                    ctx.set(dut.step, 1)
                    ctx.set(dut.look, 0)
                    assert ctx.get(dut.offset) == offset
                    await ctx.tick()
                    ctx.set(dut.step, 0)
                    ctx.set(dut.look, 1)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def test_blocks() -> None:
    """Rows and column panels of a job are cut as its block shape says."""
    config = AcceleratorConfig(rows=4, cols=4, limits=Limits(max_m=200, max_n=200, max_k=200))

    class Cut(Elaboratable):
        def __init__(self) -> None:
            self.blocks = Signal(LoadJob(config)).blocks
            self.go = Signal()

        def elaborate(self, platform: object) -> Module:
            m = Module()
            self.rows, self.columns = cut_blocks(m, config, self.blocks, ~self.go)
            m.d.comb += [self.rows.start.eq(self.go), self.columns.start.eq(self.go)]
            return m

    dut = Cut()

    async def bench(ctx: Any) -> None:
        for m, tile_rows, panels, n_panels_log2 in [(9, 4, 3, 2), (3, 5, 9, 3), (8, 8, 4, 2)]:
            values = {"m": m, "tile_rows": tile_rows, "panels": panels}
            ctx.set(dut.blocks, values | {"n_panels_log2": n_panels_log2})
            ctx.set(dut.go, 1)
            await ctx.tick()
            ctx.set(dut.go, 0)
            rows, columns = min(m, tile_rows), min(panels, 1 << n_panels_log2)
            assert (ctx.get(dut.rows.size), ctx.get(dut.columns.size)) == (rows, columns)
            assert (ctx.get(dut.rows.last), ctx.get(dut.columns.last)) == (
                rows == m,
                columns == panels,
            )

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def test_counted() -> None:
    """One less while ``on``, else what is to be loaded; 0 is followed by the largest."""
    value, load, on, result = Signal(3), Signal(3), Signal(), Signal(3)
    m = Module()
    m.d.comb += result.eq(counted(value, on, load))

    async def bench(ctx: Any) -> None:
        for i in range(8):
            ctx.set(value, i)
            ctx.set(load, 5 ^ i)
            for going in (0, 1):
                ctx.set(on, going)
                await ctx.delay(1e-9)
                assert ctx.get(result) == ((i - 1) % 8 if going else 5 ^ i)

    sim = Simulator(m)
    sim.add_testbench(bench)
    sim.run()
