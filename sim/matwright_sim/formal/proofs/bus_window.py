# SPDX-License-Identifier: Apache-2.0
"""The windows: the comparison alone, and the guard in which it stands between requests and the bus."""

from collections.abc import Callable
from typing import Any, Literal

from amaranth import Signal, Value

from matwright.config import AcceleratorConfig, Bus

from ..axi import within_page
from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS", "inside_window"]

_WINDOW = "matwright.bus.window"
_GUARD = "matwright.bus.guard"


def at_most(b: Bench, low: Any, high: Any) -> Value:
    """``low <= high``: their difference, a bit wider, is not negative.

    A solver sees through it in no time, and through a comparison in minutes.
    """
    low, high = Value.cast(low), Value.cast(high)
    difference = Signal(max(len(low), len(high)) + 1)
    b.m.d.comb += difference.eq(high - low)
    return ~difference[-1]


def inside_window(b: Bench, bus: Bus, name: str, addr: Any, windows: Any, permission: str) -> Value:
    """Whether the page of ``addr`` is in a window that permits: by the comparison that is proven alone."""
    module = b.source(_WINDOW)
    match = b.place(name, module.WindowMatch(bus, permission))
    b.m.d.comb += [match.page.eq(addr[module.PAGE_BITS :]), match.windows.eq(windows)]
    inside: Value = match.inside.any()
    return inside


def _match(permission: Literal["read", "write"] | None) -> Callable[[Bench], None]:
    def spec(b: Bench) -> None:
        bus = b.config.bus
        dut = b.place("dut", b.source(_WINDOW).WindowMatch(bus, permission))
        for i in range(bus.windows):
            window = dut.windows[i]
            base, limit = ~Value.cast(window.not_base), ~Value.cast(window.not_limit)
            permits = 1 if permission is None else window[permission]
            exact = at_most(b, base, dut.page) & at_most(b, dut.page, limit) & permits
            b.show(f"exact_{i}", exact == dut.inside[i])
        b.reach("first_only", dut.inside == 1)
        b.reach("last_page", dut.inside[-1] & (dut.page == (1 << len(dut.page)) - 1))

    return spec


def _guard(permission: str) -> Callable[[Bench], None]:
    def spec(b: Bench) -> None:
        bus = b.config.bus
        m = b.m
        dut = b.place("dut", b.source(_GUARD).Guard(bus, permission))
        burst = dut.i.p
        takes = dut.i.valid & dut.i.ready
        # What the burst at `i` covers, from its address and the number of its last beat.
        index = burst.addr[bus.bytes.bit_length() - 1 :][: bus.max_burst.bit_length() - 1]
        forward = burst.end[: bus.max_burst.bit_length() - 1] >= index if bus.max_burst > 1 else 1
        length = Signal(8)
        m.d.comb += length.eq(burst.end - index if bus.max_burst > 1 else 0)
        permitted = Signal()
        m.d.comb += permitted.eq(
            forward & inside_window(b, bus, "reference", burst.addr, dut.windows, permission)
        )

        addr, beats = Signal(bus.addr_width), Signal(8)
        allowed, refused = Signal(), Signal()
        with m.If(takes):
            m.d.sync += [addr.eq(burst.addr), beats.eq(length)]
            m.d.sync += [allowed.eq(permitted), refused.eq(~permitted)]
        b.implies("sound", dut.valid, allowed & (dut.addr == addr) & (dut.len == beats))
        b.implies("page", dut.valid, within_page(bus, dut.addr, dut.len))
        b.show("complete", dut.blocked == refused)
        b.implies("address", dut.blocked, (dut.addr == addr) & ~dut.valid)
        b.implies("final", dut.blocked, ~dut.i.ready)
        waited = b.before(dut.valid & ~dut.ready)
        same = (dut.addr == b.before(dut.addr)) & (dut.len == b.before(dut.len))
        b.implies("stays", waited, dut.valid & same)
        b.answers("answers", b.before(takes & permitted) & ~dut.valid, 0)
        b.answers("takes", ~dut.blocked & dut.ready & ~dut.i.ready, 0)
        b.reach("one_after_the_other", dut.valid & dut.ready & takes & permitted)
        b.reach("refusal", dut.blocked)

    return spec


def _checked(config: AcceleratorConfig) -> bool:
    return not config.build.unsafe_unchecked


def _match_proof(permission: Literal["read", "write"] | None, plant: Plant) -> Proof:
    permits = f" that permits {permission}s" if permission else ", whatever it permits"
    return Proof(
        name=f"window_{permission or 'any'}",
        block="bus/window.py: WindowMatch",
        scale="windows and address width of the configuration",
        spec=_match(permission),
        properties=(
            Property(
                "exact",
                f"A page is inside exactly if it is from base to limit of a window{permits}; no sum wraps.",
                plant,
            ),
        ),
        apart=True,
        applies=_checked,
    )


def _guard_proof(permission: str, plants: dict[str, Plant]) -> Proof:
    does = {"read": "reads", "write": "writes"}[permission]
    statements = {
        "sound": f"An address is only on offer if the whole burst is in a window that permits {does}.",
        "complete": f"A burst in a window that permits {does} is never kept back, any other is.",
        "page": "Whatever burst the guard is given, what it offers crosses no 4 KiB boundary.",
        "final": "After a refusal nothing is taken until a reset.",
        "stays": "An address on offer stays, unchanged, until it is accepted.",
        "answers": "A permitted burst is on offer in the cycle after it was taken.",
    }
    return Proof(
        name=f"guard_{permission}",
        block="bus/guard.py: Guard",
        scale="windows, widths and bursts of the configuration",
        spec=_guard(permission),
        properties=tuple(Property(name, statements[name], plant) for name, plant in plants.items()),
        applies=_checked,
    )


PROOFS = (
    _match_proof("read", Plant(_WINDOW, "not_limit),", "not_limit + 1),")),
    _match_proof("write", Plant(_WINDOW, "[window[self.permission]]", "[window.read]")),
    _match_proof(None, Plant(_WINDOW, "Signal(width + 1, name", "Signal(width, name")),
    _guard_proof(
        "read",
        {
            "sound": Plant(_GUARD, "self.valid.eq(permitted)", "self.valid.eq(1)"),
            "page": Plant(_GUARD, " & ~length[-1] if", " if"),
            "complete": Plant(_GUARD, "match.inside.any()", "match.inside[0]"),
            "stays": Plant(_GUARD, "(~self.valid | self.ready)", "(~self.valid | self.i.valid)"),
        },
    ),
    _guard_proof(
        "write",
        {
            "sound": Plant(
                _GUARD, "WindowMatch(self.bus, self.permission)", "WindowMatch(self.bus)"
            ),
            "final": Plant(_GUARD, "~self.blocked & (~self.valid", "(~self.valid"),
            "answers": Plant(_GUARD, "with m.Elif(self.ready):", "with m.If(self.ready):"),
        },
    ),
)
