# SPDX-License-Identifier: Apache-2.0
"""The blocks of registers: settings, status, and the privileged page with its windows."""

from collections.abc import Mapping
from typing import Any

from amaranth import Cat, Const, Mux, Signal, Value

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_SETTINGS = "matwright.bus.settings"
_STATUS = "matwright.bus.status"
_PAGE = "matwright.bus.privileged"
_PAGE_BITS = 12


class _Access:
    """An access to a block, as its port makes it: ``word`` is known a cycle before."""

    def __init__(self, b: Bench, dut: Any) -> None:
        self.b, self.dut = b, dut
        self.offsets: Mapping[str, int] = b.source("matwright.bus.block").OFFSETS
        self.word = Signal.like(dut.word, name="word_now", reset_less=True)
        b.m.d.sync += self.word.eq(dut.word)

    def here(self, offset: int) -> Value:
        """The register at ``offset`` is accessed."""
        return self.word == offset >> 2

    def selects(self, offset: int) -> None:
        """Claim that the block knows it."""
        select = self.b.inner(self.dut, f"selects_{offset:x}")
        self.b.show(f"selects_{offset:x}", select == self.here(offset))


def _settings(b: Bench) -> None:
    dut = b.place("dut", b.source(_SETTINGS).Settings())
    access = _Access(b, dut)
    m = b.m
    registers: dict[str, Value] = {
        "IRQ_ENABLE": dut.irq_enable,
        "PROGRAM_LO": dut.program_addr[:32],
        "PROGRAM_HI": dut.program_addr[32:],
        "PROGRAM_COUNT": dut.program_count,
        "WATCHDOG": dut.watchdog,
    }
    reads: Value = Const(0, 32)
    for number, (name, output) in enumerate(registers.items()):
        offset = access.offsets[name]
        access.selects(offset)
        kept = Signal(
            32, name=f"kept_{name.lower()}", init=dut.watchdog.init if name == "WATCHDOG" else 0
        )
        for i in range(4):
            with m.If(dut.write & access.here(offset) & dut.w_strb[i]):
                m.d.sync += kept[8 * i : 8 * i + 8].eq(dut.w_data[8 * i : 8 * i + 8])
        b.show(f"keeps_{number}", output == kept[: len(output)])
        reads = Mux(access.here(offset), kept[: len(output)], reads)
    b.show("reads", dut.r_data == reads)
    b.reach("bytes", dut.r_data == 0x1234_5678)


def _status(b: Bench) -> None:
    dut = b.place("dut", b.source(_STATUS).Status(b.config.bus))
    access = _Access(b, dut)
    m, offsets = b.m, access.offsets
    for name in ("CONTROL", "IRQ_CAUSE", "STATUS"):
        access.selects(offsets[name])
    written = Signal(2)
    told = Signal(2)
    for name, signal in (("CONTROL", written), ("IRQ_CAUSE", told)):
        low = dut.write & access.here(offsets[name]) & dut.w_strb[0]
        m.d.comb += signal.eq(Mux(low, dut.w_data, 0))

    # What should be known: the error, the end of the program, causes of the interrupt, a reset to come.
    failed, done, ending = Signal(), Signal(), Signal()
    cause = Signal(2)
    first = dut.error & ~failed
    m.d.sync += [
        failed.eq((failed | dut.error) & ~dut.clear),
        done.eq(((done & ~dut.start) | dut.done) & ~dut.clear),
        ending.eq((ending & ~dut.clear) | dut.end),
        cause.eq(Mux(dut.clear, 0, (cause & ~told) | Cat(dut.done, first))),
    ]
    b.show("failed", b.inner(dut, "failed") == failed)
    b.show("cause_kept", b.inner(dut, "cause") == cause)
    b.show("ending", dut.ending == ending)

    asked = b.before(written == 0b01)
    resets = dut.reset | dut.resetting | dut.end | dut.ending
    b.show("start", dut.start == (asked & ~dut.busy & ~failed & ~resets))
    b.show("collision", dut.collision == (asked & dut.busy))
    b.show("reset", dut.reset == (b.before(written[1]) | b.before(dut.end)))
    b.show("irq", dut.irq == (cause & dut.irq_enable).any())
    held = b.inner(dut, "cause")
    sticky = b.before(held & ~told) & ~b.before(Mux(dut.clear, 0b11, 0))
    b.show("sticky", (held & sticky) == sticky)
    b.show("done_kept", b.inner(dut, "done") == done)
    shows = Cat(dut.busy, done, failed, resets)
    reading = access.here(offsets["STATUS"])
    b.implies("status", reading, dut.r_data == shows)
    b.implies("cause", access.here(offsets["IRQ_CAUSE"]), dut.r_data == cause)

    # The first error is kept.
    known = Signal(8)
    with m.If(first):
        m.d.sync += known.eq(dut.error_code)
    with m.If(dut.clear):
        m.d.sync += known.eq(0)
    access.selects(offsets["ERROR_CODE"])
    b.implies("first_error", access.here(offsets["ERROR_CODE"]), dut.r_data == known)
    b.show("code", b.inner(dut, "$like") == known)
    b.reach("second_error", dut.error & failed & (known == 7) & (dut.error_code == 9))
    b.reach("one_cause_left", (cause == 0b10) & (b.before(cause) == 0b11))
    b.reach("starts", dut.start & b.before(done))


def _page(b: Bench) -> None:
    dut = b.place("dut", b.source(_PAGE).PrivilegedPage(b.config))
    access = _Access(b, dut)
    offset = b.source("matwright.bus.register_map").window_offset
    wide = b.config.bus.addr_width > 32
    whole = dut.write & (dut.w_strb == 0b1111)
    frozen = b.before(dut.frozen)
    closes = b.before(dut.close)
    for i in range(b.config.bus.windows):
        window = dut.windows[i]
        halves = ("LO", "HI") if wide else ("LO",)
        bounds = {
            (bound, half): offset(i, f"{bound}_{half}")
            for bound in ("BASE", "LIMIT")
            for half in halves
        }
        control = offset(i, "CONTROL")
        for place in (*bounds.values(), control):
            access.selects(place)
        locked = b.inner(dut, f"locked_{i}")
        was_locked = b.before(locked)
        pages = Cat(window.not_base, window.not_limit)
        permits = Cat(window.read, window.write)
        same_pages = pages == b.before(pages)
        same = same_pages & (permits == b.before(permits))
        # What a write to each register does, in the cycle after it.
        free = ~was_locked & ~frozen
        to_control = b.before(whole & access.here(control)) & free
        value = b.before(dut.w_data)
        b.implies(f"locked_{i}", was_locked, locked & same)
        b.implies(f"frozen_{i}", frozen & ~closes, same & (locked == was_locked))
        b.implies(f"frozen_pages_{i}", frozen, same_pages)
        b.implies(f"closes_{i}", closes & ~was_locked, permits == 0)
        b.implies(f"moved_{i}", ~same_pages & b.before(1), permits == 0)
        b.implies(
            f"opens_{i}", (permits & ~b.before(permits)).any(), to_control & (permits == value[:2])
        )
        b.implies(f"control_{i}", to_control & ~closes, Cat(permits, locked) == value[:3])
        for (bound, half), place in bounds.items():
            page = Value.cast(window[f"not_{bound.lower()}"])
            cut = 32 - _PAGE_BITS
            part = page[:cut] if half == "LO" else page[cut:]
            new = value[_PAGE_BITS:] if half == "LO" else value
            takes = b.before(whole & access.here(place)) & free
            name = f"{bound}_{half}".lower()
            b.implies(f"{name}_takes_{i}", takes, ~part == new[: len(part)])
            low = Const(0 if bound == "BASE" else (1 << _PAGE_BITS) - 1, _PAGE_BITS)
            seen = Cat(low, ~part) if half == "LO" else ~part
            b.implies(f"{name}_reads_{i}", access.here(place), dut.r_data == seen)
        b.implies(f"reads_control_{i}", access.here(control), dut.r_data == Cat(permits, locked))
    access.selects(access.offsets["CONTEXT"])
    ends = whole & access.here(access.offsets["CONTEXT"]) & dut.w_data[0]
    b.show("end", dut.end == b.before(ends))
    window = dut.windows[0]
    b.reach("opened", window.read & ~window.write & (dut.windows[1].write == 1))
    b.reach(
        "locked_and_written", b.inner(dut, "locked_0") & whole & access.here(offset(0, "BASE_LO"))
    )


PROOFS = (
    Proof(
        name="settings",
        block="bus/settings.py: Settings",
        scale="as it is",
        spec=_settings,
        properties=(
            Property(
                "keeps",
                "Each register keeps what was last written to it, byte by byte; nothing else changes it.",
                Plant(_SETTINGS, "self.w_strb[i // 8]", "self.w_strb[0]"),
            ),
            Property(
                "reads",
                "A read gives what was written, and 0 elsewhere.",
                Plant(
                    _SETTINGS,
                    '"PROGRAM_HI": self.program_addr[32:]',
                    '"PROGRAM_HI": self.program_count',
                ),
            ),
        ),
    ),
    Proof(
        name="status",
        block="bus/status.py: Status",
        scale="as it is",
        spec=_status,
        properties=(
            Property(
                "start",
                "A program starts exactly if START is written to an idle machine, without error or reset.",
                Plant(
                    _STATUS, "rung & ~(self.busy | failed | resets)", "rung & ~(self.busy | resets)"
                ),
            ),
            Property(
                "collision",
                "START while a program runs is told, and does not start another.",
                Plant(_STATUS, "rung & self.busy", "self.start & self.busy"),
            ),
            Property(
                "sticky",
                "A cause of an interrupt stays until a 1 is written to it, even if it comes at that moment.",
                Plant(_STATUS, "cause & ~written(", "cause & written("),
            ),
            Property(
                "irq",
                "The interrupt is high exactly while an enabled cause is set.",
                Plant(
                    _STATUS, "(cause & self.irq_enable).any()", "(cause | self.irq_enable).all()"
                ),
            ),
            Property(
                "first_error",
                "Of several errors the first is kept until a reset clears it.",
                Plant(_STATUS, "self.error & ~failed", "self.error"),
            ),
            Property(
                "status",
                "STATUS says what is: busy, complete, failed, resetting.",
                Plant(
                    _STATUS,
                    "Cat(self.busy, done, failed, resets)",
                    "Cat(self.busy, failed, done, resets)",
                ),
            ),
            Property(
                "reset",
                "A reset is asked for exactly if one was written, or the end of a context.",
                Plant(_STATUS, "command[1] | self.end", "command[1]"),
            ),
        ),
        depth=14,
    ),
    Proof(
        name="windows_kept",
        block="bus/privileged.py: PrivilegedPage",
        scale="windows and address width of the configuration",
        spec=_page,
        properties=(
            Property(
                "locked",
                "A locked window keeps its bounds, permissions and lock until a reset of all.",
                Plant(_PAGE, "free = ~self.frozen & ~locked", "free = ~self.frozen"),
            ),
            Property(
                "frozen",
                "While the machine works no write changes a window or a lock.",
                Plant(_PAGE, "free = ~self.frozen & ~locked", "free = ~locked"),
            ),
            Property(
                "closes",
                "The end of a context takes every permission from windows that are not locked.",
                Plant(_PAGE, "self.close & ~locked", "self.close & locked"),
            ),
            Property(
                "moved",
                "A window that is moved permits nothing.",
                Plant(_PAGE, "window.read.eq(0), window.write.eq(0)", "window.read.eq(0)"),
            ),
            Property(
                "opens",
                "A permission comes only from a whole write to the control of a window that is free.",
                Plant(_PAGE, "self.write & self.w_strb.all()", "self.write & self.w_strb.any()"),
            ),
            Property(
                "base_lo_takes",
                "A window that is free takes the bounds that are written.",
                Plant(_PAGE, "part.eq(~new)", "part.eq(new)"),
            ),
            Property(
                "limit_lo_reads",
                "Bounds are read as they were written, of whole pages.",
                Plant(_PAGE, "(1 << PAGE_BITS) - 1)", "0)"),
            ),
            Property(
                "end",
                "A context ends exactly if that was written.",
                Plant(_PAGE, "& self.w_data[0])", ")"),
            ),
        ),
        applies=lambda config: not config.build.unsafe_unchecked,
    ),
)
