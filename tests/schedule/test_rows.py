# SPDX-License-Identifier: Apache-2.0
"""The row stream, cycle by cycle, against the list of its rows."""

from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from matwright.config import AcceleratorConfig, Bus, Sram
from matwright.schedule.rows import RowStream

CONFIG = AcceleratorConfig(
    rows=4,
    cols=4,
    sram=Sram(activation_rows=128, weight_tiles=8, accumulator_rows=32, column_panels=4),
    bus=Bus(data_width=64),
)
WORDS = CONFIG.activation_words


@pytest.mark.parametrize("gap", [0, 3])
def test_rows_of_random_tiles(gap: int) -> None:
    """Tiles back to back, and up to ``gap`` cycles apart; nothing is issued in between."""
    print("seed 1")
    rng = Random(1)
    tiles = []
    for _ in range(60):
        rows, pitch = rng.randint(1, 6), rng.randint(1, 3)
        tile = {
            "rows": rows,
            "pitch": pitch,
            "top": rng.random() < 0.5,
            "read": {
                "valid": 0,
                "half": rng.randrange(2),
                "word": rng.randrange(WORDS - rows * pitch),
                "panel": rng.randrange(2),
                "count": rng.randint(1, 4),
                "flip": rng.randrange(2),
                "done": rng.randrange(2),
            },
            "sum": {
                "valid": 0,
                "bank": rng.randrange(2),
                "addr": 0,
                "first": rng.randrange(2),
                "done": rng.randrange(2),
            },
        }
        tiles.append(tile)
    dut = RowStream(CONFIG)

    async def drive(ctx: Any) -> None:
        addr = 0
        for tile in tiles:
            assert ctx.get(dut.free), "the stream is free with the last row"
            ctx.set(dut.start, 1)
            ctx.set(dut.tile, tile)
            await ctx.tick()
            ctx.set(dut.start, 0)
            addr = 0 if tile["top"] else addr
            for i in range(tile["rows"]):
                last = i == tile["rows"] - 1
                row, total = ctx.get(dut.row), ctx.get(dut.sum)
                assert row.valid and total.valid and ctx.get(dut.switch_out) == (i == 0)
                assert row.word == tile["read"]["word"] + i * tile["pitch"]
                assert total.addr == addr % CONFIG.sram.accumulator_rows
                for name in ("half", "panel", "count", "flip"):
                    assert row[name] == tile["read"][name]
                assert (total.bank, total.first) == (tile["sum"]["bank"], tile["sum"]["first"])
                assert row.done == (last and tile["read"]["done"])
                assert total.done == (last and tile["sum"]["done"])
                assert ctx.get(dut.busy) == (not last) and ctx.get(dut.free) == last
                addr += 1
                if not last:
                    await ctx.tick()
            for _ in range(rng.randint(0, gap)):
                await ctx.tick()
                assert not ctx.get(dut.row.valid) and not ctx.get(dut.sum.valid)
                assert not ctx.get(dut.switch_out)
                assert not ctx.get(dut.row.done) and not ctx.get(dut.sum.done)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
