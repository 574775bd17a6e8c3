# SPDX-License-Identifier: Apache-2.0
"""The weight feeder: the next weight tile goes into the array while rows meet the one before."""

from amaranth import Mux, Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.schedule.feeder"


def _feeder(b: Bench) -> None:
    cycles, tiles = b.config.load_cycles, b.config.sram.weight_tiles
    dut = b.place("dut", b.source(_MODULE).WeightFeeder(b.config))
    m = b.m
    held = Signal(range(tiles + 2))  # tiles in the ring of which no row went into the array
    done = Signal(range(cycles + 1))  # rows of the present tile that went
    begins = Signal()
    m.d.comb += begins.eq(dut.step & (done == 0))
    m.d.sync += held.eq(held + dut.filled - begins)
    with m.If(dut.step):
        m.d.sync += done.eq(Mux(done == cycles - 1, 0, done + 1))
    b.assume(~dut.filled | (held < tiles))
    b.assume(~dut.start | dut.ready)

    b.implies("filled", begins, held != 0)
    b.show("last", dut.last == (dut.step & (done == cycles - 1)))
    b.implies("whole", done != 0, dut.step)
    b.show("ready", dut.ready == (dut.last | b.before(dut.ready & ~dut.start)))
    b.implies("stays", begins & ~b.before(dut.start), ~b.before(dut.ready))
    idle = ~dut.ready & ~dut.step & (held != 0)
    b.answers("begins", idle, 1)
    waits = b.high_for((idle | dut.step) & ~dut.ready, cycles + 1, "waits")
    b.show("prepares", waits <= cycles)
    b.implies("so_far", dut.step & ~dut.ready, waits <= done + 2)

    some, beyond = b.inner(dut, "tiles.some"), b.inner(dut, "tiles.beyond")
    b.show("tokens", (some + beyond + begins == held) & (some | (beyond == 0)))
    b.implies("alone", dut.ready & dut.step, dut.last)
    b.show("range", (done < cycles) & (held <= tiles))
    if cycles > 1:
        b.implies("left", dut.step, b.inner(dut, "left") == cycles - done)
    b.reach("at_once", begins & b.before(dut.start))
    b.reach("later", begins & b.before(~dut.ready))


PROOFS = (
    Proof(
        name="feeder",
        block="schedule/feeder.py: WeightFeeder",
        scale="rows, load_rows and sram.weight_tiles of the configuration",
        spec=_feeder,
        properties=(
            Property(
                "filled",
                "Only tiles that are whole in the ring go into the array, each once.",
                Plant(_MODULE, "begin.eq(tiles.some & (", "begin.eq(("),
            ),
            Property(
                "whole",
                "The rows of a tile go without a gap.",
                Plant(
                    _MODULE, "(self.step & ~self.last)", "(self.step & ~self.last & ~self.filled)"
                ),
            ),
            Property(
                "last",
                "The last row of a tile is told as such, and no other.",
                Plant(_MODULE, "left == 2", "left == 3"),
            ),
            Property(
                "stays",
                "A tile that is ready in the array is not replaced before its rows begin.",
                Plant(_MODULE, "~(self.ready | self.step)", "~self.step"),
            ),
            Property(
                "ready",
                "It is ready from the last row of a tile until the rows that meet it begin.",
                Plant(_MODULE, "(self.ready & ~self.start)", "self.ready"),
            ),
            Property(
                "prepares",
                "A tile in the ring is ready in the array after as many cycles as it has rows, and one.",
                Plant(_MODULE, "(self.start | ~(self.ready | self.step))", "(self.start)"),
            ),
        ),
        steps=5,
        depth=24,
    ),
)
