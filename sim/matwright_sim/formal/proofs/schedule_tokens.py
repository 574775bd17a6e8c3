# SPDX-License-Identifier: Apache-2.0
"""The tokens by which the engines meet."""

from amaranth import Signal

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_TOKENS = "matwright.schedule.tokens"


def _ring(b: Bench) -> None:
    """Places that are full and places that are free, between two engines that may wait for ever."""
    most = b.config.sram.weight_tiles
    tokens = b.source(_TOKENS).Tokens
    full = b.place("full", tokens(most))
    free = b.place("free", tokens(most, init=most))
    writes, wrote, reads, read = (b.free(1, n) for n in ("writes", "wrote", "reads", "read"))
    # The writer takes a free place and, any time later, makes it full; the reader the other way round.
    places = range(most + 2)
    writing, reading, waiting = (Signal(places, name=n) for n in ("writing", "reading", "waiting"))
    rest = Signal(places, init=most)
    b.assume(~writes | free.some)
    b.assume(~reads | full.some)
    b.assume(~wrote | (writing != 0))
    b.assume(~read | (reading != 0))
    b.m.d.comb += [
        free.take.eq(writes),
        full.put.eq(wrote),
        full.take.eq(reads),
        free.put.eq(read),
    ]
    b.m.d.sync += [
        writing.eq(writing + writes - wrote),
        waiting.eq(waiting + wrote - reads),
        reading.eq(reading + reads - read),
        rest.eq(rest + read - writes),
    ]
    b.show("sum", rest + writing + waiting + reading == most)
    b.show("free_some", free.some == (rest != 0))
    b.show("full_some", full.some == (waiting != 0))
    b.show("no_deadlock", free.some | full.some | (writing != 0) | (reading != 0))
    beyond = (b.inner(full, "beyond"), b.inner(free, "beyond"))
    b.show("counts", (beyond[0] + full.some == waiting) & (beyond[1] + free.some == rest))
    b.reach("several", waiting == 3)
    b.reach("both", wrote & reads & read & writes)
    b.reach("drained", (rest == most) & b.before(read))


PROOFS = (
    Proof(
        name="tokens",
        block="schedule/tokens.py: Tokens",
        scale="sram.weight_tiles of the configuration, a pair of free and full places",
        spec=_ring,
        properties=(
            Property(
                "full_some",
                "There is a full place to take exactly while one was filled and not taken.",
                Plant(_TOKENS, "with m.If(self.put ^ self.take):", "with m.If(self.put):"),
            ),
            Property(
                "free_some",
                "There is a free place to take exactly while not all are in use.",
                Plant(_TOKENS, "int(init > 0)", "0"),
            ),
            Property(
                "counts",
                "No token is lost and none is made: each count is what was put less what was taken.",
                Plant(_TOKENS, "Mux(self.put, self.some, more)", "self.some"),
            ),
            Property(
                "no_deadlock",
                "Of writer and reader at least one may go on, in every state.",
                Plant(_TOKENS, "self.put | more", "self.put & more"),
            ),
        ),
    ),
)
