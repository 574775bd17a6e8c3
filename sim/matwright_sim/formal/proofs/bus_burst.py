# SPDX-License-Identifier: Apache-2.0
"""The burst splitter: each request becomes bursts that cover it, beat by beat, and nothing else."""

from dataclasses import dataclass
from typing import Any

from amaranth import Cat, Const, Mux, Signal, Value

from matwright.config import Bus

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.bus.burst"
_BUS = Bus(data_width=32, addr_width=16, max_burst=4, outstanding=2, windows=2)
_BEAT, _INDEX = 2, 2  # bits of an address within a beat, and of a beat's number in its block
_MOST = 21
_COUNT = _MOST.bit_length()
_TAG = 2


@dataclass
class _Run:
    """What is to come of a request."""

    addr: Value
    beats: Value
    tag: Value

    @property
    def index(self) -> Value:
        return self.addr[_BEAT : _BEAT + _INDEX]

    @property
    def last(self) -> Value:
        """Its next burst is the last one."""
        return self.beats <= _BUS.max_burst - self.index

    @property
    def end(self) -> Value:
        """Last beat of the next burst in its block."""
        return Mux(self.last, (self.index + self.beats - 1)[:_INDEX], _BUS.max_burst - 1)

    def rest(self) -> "_Run":
        """What is left when the next burst, not the last one, has gone."""
        return _Run(
            Cat(Const(0, _BEAT + _INDEX), self.addr[_BEAT + _INDEX :] + 1)[: len(self.addr)],
            self.beats - (_BUS.max_burst - self.index),
            self.tag,
        )


def _choose(b: Bench, name: str, which: Any, one: _Run, other: _Run) -> _Run:
    run = _Run(
        Signal(_BUS.addr_width, name=f"{name}_addr"),
        Signal(_COUNT, name=f"{name}_beats"),
        Signal(_TAG, name=f"{name}_tag"),
    )
    for part in ("addr", "beats", "tag"):
        source = Mux(which, getattr(one, part), getattr(other, part))
        b.m.d.comb += getattr(run, part).eq(source)
    return run


def _same(run: _Run, addr: Value, beats: Value, tag: Value) -> Value:
    return (run.addr == addr) & (run.beats == beats) & (run.tag == tag)


def _spec(b: Bench) -> None:
    registers = b.config.build.request_registers
    dut = b.place(
        "dut", b.source(_MODULE).BurstSplitter(_BUS, _TAG, most_beats=_MOST, registers=registers)
    )
    m, request, burst = b.m, dut.request, dut.burst
    takes, gives = request.valid & request.ready, burst.valid & burst.ready
    # Who asks: whole beats, some, and no more than promised; what is asked stays.
    waited = b.before(request.valid & ~request.ready)
    asked = Cat(request.p.addr, request.p.beats, request.p.tag)
    b.assume(~waited | (request.valid & (asked == b.before(asked))))
    b.assume((request.p.addr[:_BEAT] == 0) & (request.p.beats != 0) & (request.p.beats <= _MOST))

    # The reference: what is to come of each request that was taken, oldest first.
    count = Signal(3)
    runs = [
        _Run(
            Signal(_BUS.addr_width, name=f"addr_{k}"),
            Signal(_COUNT, name=f"beats_{k}"),
            Signal(_TAG, name=f"tag_{k}"),
        )
        for k in range(4)
    ]
    new = _Run(request.p.addr, request.p.beats[:_COUNT], request.p.tag)
    head = _choose(b, "head", count == 0, new, runs[0])
    b.implies("begins", burst.valid, (burst.p.addr == head.addr) & (burst.p.tag == head.tag))
    b.implies("ends", burst.valid, (burst.p.end == head.end) & (burst.p.last == head.last))
    b.implies("asked", burst.valid, (count != 0) | request.valid)
    b.implies("block", burst.valid, burst.p.end >= head.index)

    done = Signal()
    m.d.comb += done.eq(gives & head.last)
    left = _choose(b, "left", gives, head.rest(), head)
    place = Signal(3)
    m.d.comb += place.eq(count - (done & (count != 0)))
    m.d.sync += count.eq(count + takes - done)
    for k, run in enumerate(runs[:3]):
        after = runs[k + 1] if k else _choose(b, "next", done, runs[1], left)
        kept = _choose(b, f"kept_{k}", done if k else 1, after, run)
        now = _choose(b, f"now_{k}", takes & (place == k) & ~(done & (count == 0)), new, kept)
        if k == 0:  # it may leave in part in the cycle in which it comes
            now = _choose(b, "first", (count == 0) & takes & ~done, left, now)
        for part in ("addr", "beats", "tag"):
            m.d.sync += getattr(run, part).eq(getattr(now, part))
    for k, run in enumerate(runs[:3]):
        whole = (run.addr[:_BEAT] == 0) & (run.beats != 0) & (run.beats <= _MOST)
        b.implies(f"whole_{k}", k < count, whole)

    # It moves.
    b.implies("holds", dut.hold, ~burst.valid)
    offer = Cat(burst.p.addr, burst.p.end, burst.p.last, burst.p.tag)
    was = b.before(burst.valid & ~burst.ready) & ~dut.hold
    b.implies("stays", was, burst.valid & (offer == b.before(offer)))
    b.answers("starts", request.valid & ~dut.hold & ~burst.valid, registers)
    b.implies("flows", b.before(burst.valid & (place != 0)) & ~dut.hold, burst.valid)

    # Lemmas: what is where. The burst that waits at the end, then the run, then the request.
    if registers == 2:
        out = b.inner(dut, "burst").o
        first = out.valid
        item = (out.p.addr == runs[0].addr) & (out.p.tag == runs[0].tag)
        item &= (out.p.end == runs[0].end) & (out.p.last == runs[0].last)
        b.implies("waiting_burst", first, (count != 0) & item)
        gone = first & out.p.last
        behind = _choose(b, "behind_rest", first, runs[0].rest(), runs[0])
        behind = _choose(b, "behind", gone, runs[1], behind)
        then = _choose(b, "then", gone, runs[2], runs[1])
        number = count - gone
    else:
        behind, then, number, gone, first = runs[0], runs[1], count, Const(0), Const(0)
    more = b.inner(dut, "more")
    kept_left = b.inner(dut, "$signal#1")
    block, rest = kept_left[:12], kept_left[12:]
    index, blocks, final, tag = rest[:2], rest[2:5], rest[5:7], rest[7:]
    beats = Signal(6)
    m.d.comb += beats.eq((blocks << _INDEX) + final + 1 - index)
    same = _same(behind, Cat(Const(0, _BEAT), index, block), beats, tag)
    b.implies("run", more, same & (number != 0))
    b.implies("none_lost", first & ~gone, more)
    later = _choose(b, "later", more, then, behind)
    if registers:
        stage = b.inner(dut, "request").o
        same = _same(later, stage.p.addr, (stage.p.beats + 1)[:_COUNT], stage.p.tag)
        b.implies("waiting_request", stage.valid, same)
        b.show("number", number == more + stage.valid)
    else:
        b.show("number", number == more)

    b.reach("many", done & (head.index == 0) & (b.before(count) != 0) & (runs[0].tag == 1))
    b.reach("back_to_back", gives & b.before(done))
    b.reach("held", dut.hold & (count != 0))


PROOFS = (
    Proof(
        name="burst_splitter",
        block="bus/burst.py: BurstSplitter",
        scale=f"16-bit addresses, blocks of 4 beats of 4 bytes, requests of up to {_MOST} beats; request "
        "registers of the configuration",
        quick=False,
        spec=_spec,
        properties=(
            Property(
                "begins",
                "The bursts of a request begin at its address, each where the last one ended, with its tag.",
                Plant(_MODULE, "left.block.eq(now.block + opens)", "left.block.eq(now.block + 1)"),
            ),
            Property(
                "ends",
                "Together they have as many beats as the request, and the last one says so.",
                Plant(_MODULE, "left.blocks == 0, single", "left.blocks <= 1, single"),
            ),
            Property(
                "block",
                "None leaves its block of max_burst beats, so that none crosses 4 KiB.",
                Plant(_MODULE, "final.eq(beats + index)", "final.eq(beats + index + 1)"),
            ),
            Property(
                "stays",
                "A burst on offer stays until it is taken, unless all are held back.",
                Plant(
                    _MODULE,
                    "burst.valid.eq(stage.o.valid & ~self.hold)",
                    "burst.valid.eq(out.valid)",
                ),
            ),
            Property(
                "holds",
                "None is on offer while they are held back.",
                Plant(
                    _MODULE,
                    "burst.valid.eq(stage.o.valid & ~self.hold)",
                    "burst.valid.eq(stage.o.valid)",
                ),
            ),
            Property(
                "starts",
                "The first burst of a request is on offer within as many cycles as there are registers.",
                Plant(_MODULE, "out.valid.eq(more | offered)", "out.valid.eq(more)"),
            ),
            Property(
                "flows",
                "A burst is on offer in every cycle until a request is done, and across requests that wait.",
                Plant(
                    _MODULE,
                    "out.valid.eq(more | offered)",
                    "out.valid.eq((more | offered) & ~stage.o.valid)",
                ),
            ),
        ),
        depth=16,
        steps=8,
    ),
)
