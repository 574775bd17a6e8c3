# SPDX-License-Identifier: Apache-2.0
"""The memory behind the bus, as far as cycles go: of fixed latency, or as it was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Memory", "Recording"]


@dataclass(frozen=True)
class Recording:
    """What a memory took for each burst, in the order in which bursts are offered.

    Waits are cycles in which something is on offer and not taken. Nothing in it says when a burst comes,
    only how long it takes from then on; so it holds for a machine that asks for the same bursts in the
    same order.
    """

    address_waits: Sequence[int] = ()
    """Of each read burst: cycles that its address waited."""
    beat_gaps: Sequence[Sequence[int]] = ()
    """Of each read burst and beat: cycles from its address being taken, or from the beat before, to it."""
    write_address_waits: Sequence[int] = ()
    """Of each write burst: cycles that its address waited."""
    write_beat_waits: Sequence[int] = ()
    """Of each beat written, in order: cycles that it waited."""
    responses: Sequence[int] = ()
    """Of each write burst: cycles from the last of its address and its beats being taken to the response."""

    @classmethod
    def of(cls, transfers: NDArray[np.int64]) -> Self:
        """What is told by all transfers of a program, those of each channel in their order.

        ``transfers`` has a row for each: channel (AW, W, B, AR, R as 0 to 4), cycle, cycles on offer
        before, whether it is the last of its burst.
        """
        aw, w, b, ar, r = (transfers[transfers[:, 0] == channel, 1:] for channel in range(5))
        r_ends, w_ends = np.flatnonzero(r[:, 2]), np.flatnonzero(w[:, 2])
        for name, ends, addresses in (("read", r_ends, ar), ("write", w_ends, aw)):
            if len(ends) != len(addresses):
                raise ValueError(
                    f"a recording must have as many {name} bursts as addresses, "
                    f"not {len(ends)} and {len(addresses)}"
                )
        if len(b) != len(aw):
            raise ValueError(
                f"a recording must have an answer to each of {len(aw)} write bursts, not {len(b)}"
            )
        begins = np.concatenate(([0], r_ends[:-1] + 1)) if len(r_ends) else r_ends
        gaps = np.diff(r[:, 0], prepend=0)
        gaps[begins] = r[begins, 0] - ar[:, 0]
        whole = np.maximum(aw[:, 0], w[w_ends, 0])
        return cls(
            address_waits=ar[:, 1].tolist(),
            beat_gaps=[part.tolist() for part in np.split(gaps, begins[1:])],
            write_address_waits=aw[:, 1].tolist(),
            write_beat_waits=w[:, 1].tolist(),
            responses=(b[:, 0] - whole).tolist(),
        )


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory that takes an address and a beat per cycle, answers in order, and gives a beat per cycle.

    With a ``recording`` the latencies mean nothing.
    """

    read_latency: int = 40
    """Cycles from an address being taken to its first beat, at least 1."""
    write_latency: int = 40
    """Cycles from the last of a burst's address and its beats being taken to its response, at least 1."""
    recording: Recording | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("read_latency", "write_latency"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1 cycle, not {value}")

    def read(self, burst: int, offered: int, before: int, beats: int) -> tuple[int, Sequence[int]]:
        """When an address that is on offer from cycle ``offered`` on is taken, and when its beats come.

        ``before`` is the cycle of the last beat before.
        """
        if self.recording is None:
            first = max(offered + self.read_latency, before + 1)
            return offered, range(first, first + beats)
        taken = offered + self.recording.address_waits[burst]
        times, now = [], taken
        for gap in self.recording.beat_gaps[burst]:
            now += gap
            times.append(now)
        return taken, times
