# SPDX-License-Identifier: Apache-2.0
"""What starts, stops and resets the machine, whatever its engine and its registers do."""

from amaranth import Mux, Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.accelerator"


def _spec(b: Bench) -> None:
    with b.stand_in(_MODULE, "Engine", "RegisterFile") as parts:
        dut = b.place("dut", b.source(_MODULE).Accelerator(b.config))
    m, engine, registers = b.m, parts["Engine"], parts["RegisterFile"]
    busy, halt = registers.busy, engine.halt
    resetting = registers.resetting
    # The registers, as their own proof says: START only starts an idle machine.
    failed = Signal()
    m.d.sync += failed.eq((failed | registers.error) & ~registers.clear)
    b.assume(~registers.start | ~(busy | failed | resetting | registers.reset))
    limit = b.fixed(24, "limit")
    b.assume(registers.watchdog == limit)

    # An error, of whatever kind, stops the machine at once and until the reset.
    fails = Signal()
    m.d.comb += fails.eq(registers.error)
    asked = registers.reset & ~registers.clear  # in the cycle of a reset another one is part of it
    b.implies("stops", b.before(fails | asked), halt & ~busy)
    b.implies("stopped", b.before(halt & ~registers.clear), halt)
    b.implies("errors", engine.error & busy, fails)
    b.implies("error_code", engine.error & busy, registers.error_code == engine.error_code)
    b.implies("only_while_busy", fails, busy)

    # A reset waits until nothing is outstanding, and comes when nothing is.
    clear = engine.clear
    b.implies("reset_quiet", clear, b.before(engine.quiet))
    twice = b.before(engine.quiet & halt) & b.before(b.before(engine.quiet & resetting))
    b.implies("reset_settled", registers.clear, twice & halt)
    b.answers("reset_comes", resetting & engine.quiet, 3)
    b.implies("resetting_halts", resetting, halt)

    # The windows hold still from the start of a program to its reset.
    working = Signal()
    m.d.sync += working.eq((working | engine.start) & ~clear)
    b.implies("frozen", (working | engine.start) & ~clear, registers.frozen)
    b.implies("starts_clean", engine.start, ~working & ~clear)
    b.implies("starts", b.before(registers.start) & ~b.before(engine.start), engine.start | halt)
    b.implies("idle", ~working & ~engine.start & ~clear, ~busy | halt)

    # A program is complete when all of it is, and what the bus owes has come.
    b.implies("done", registers.done, busy & engine.quiet & ~fails)
    finished, all_done = Signal(), Signal()
    m.d.comb += all_done.eq(busy & (engine.done | finished))
    m.d.sync += finished.eq(all_done & ~engine.quiet)
    b.implies("done_due", registers.done, engine.done | finished)
    b.implies("done_comes", all_done & engine.quiet & ~fails, registers.done)

    # Nothing moves for too long: it is stopped.
    still = Signal(26)
    m.d.sync += still.eq(Mux(~busy | engine.moves, 0, still + 1))
    b.implies("watchdog", busy & (limit != 0), still <= limit + 2)

    # Lemmas.
    b.show("apart", ~(busy & (halt | failed)))
    b.implies("why", halt, failed | resetting)
    b.implies("clears", registers.clear, resetting & ~busy)
    count = b.inner(dut, "still")
    moved = b.inner(dut, "moved")
    near = (count == still) | (count + 1 == still)
    watched = busy & (limit != 0)
    expired = b.inner(dut, "expired")
    b.implies("counting", watched & (still != 0) & (still <= limit), near | moved)
    b.implies("nearly", watched & (still == limit + 1), expired | ((count == limit) & ~moved))
    b.implies("over", watched & (still == limit + 2), expired)
    b.implies("moved", moved, still <= 1)
    b.implies("counts", watched & (still <= limit), b.inner(dut, "counts") == (count != 0))
    b.show("finishing", b.inner(dut, "finishing") == finished)
    b.reach("completes", registers.done & (b.before(engine.done) == 0))
    b.reach("fails", fails & engine.error)
    b.reach("expires", fails & ~engine.error & ~registers.collision & (limit == 3))
    b.reach("resets", registers.clear & b.before(halt))
    b.reach("again", engine.start & b.before(clear))


PROOFS: tuple[Proof, ...] = (
    Proof(
        name="control",
        block="accelerator.py: Accelerator",
        scale="the engine and the registers may do anything their ports admit",
        spec=_spec,
        properties=(
            Property(
                "stops",
                "In the cycle after an error or a reset the machine is halted: no new address is offered.",
                Plant(
                    _MODULE, "with m.If(fails | registers.reset):", "with m.If(registers.reset):"
                ),
            ),
            Property(
                "stopped",
                "It stays halted until it is reset.",
                Plant(_MODULE, "with m.If(resets):", "with m.If(resets | registers.collision):"),
            ),
            Property(
                "error_code",
                "An error that the engine finds is told with its code, before any other.",
                Plant(
                    _MODULE,
                    "with m.If(engine.error):",
                    "with m.If(engine.error & ~registers.collision):",
                ),
            ),
            Property(
                "reset_quiet",
                "The engine is reset only when nothing is outstanding on the bus.",
                Plant(_MODULE, "quiet_before & engine.quiet & ~resets", "quiet_before & ~resets"),
            ),
            Property(
                "reset_comes",
                "A soft reset is done three cycles after the bus is quiet.",
                Plant(_MODULE, "resets.eq(forgets)", "resets.eq(forgets & ~registers.collision)"),
            ),
            Property(
                "frozen",
                "From the start of a program to the reset after it no window can change.",
                Plant(
                    _MODULE,
                    "registers.frozen.eq(busy | halt | registers.start)",
                    "registers.frozen.eq(busy | registers.start)",
                ),
            ),
            Property(
                "starts_clean",
                "A program starts only in an engine that was reset after the one before.",
                Plant(
                    _MODULE,
                    "(registers.start & ~clear) | late_start",
                    "registers.start | late_start",
                ),
            ),
            Property(
                "done",
                "A program is complete only when the bus owes nothing and there was no error.",
                Plant(_MODULE, "done & ~fails)", "done)"),
            ),
            Property(
                "done_comes",
                "When all is done and the bus owes nothing, that is said at once.",
                Plant(
                    _MODULE,
                    "(engine.done | finishing) & engine.quiet",
                    "(engine.done & finishing) & engine.quiet",
                ),
            ),
            Property(
                "watchdog",
                "A program that makes no progress is stopped two cycles after the limit.",
                Plant(
                    _MODULE, "(still == limit) & counts & busy", "(still == limit) & counts & moved"
                ),
            ),
        ),
        depth=14,
        steps=6,
        applies=lambda config: not config.build.unsafe_unchecked,
    ),
)
