# SPDX-License-Identifier: Apache-2.0
"""The check that all that a descriptor names lies in windows that are open for it."""

from amaranth import Array, Const, Mux, Signal, Value

from matwright.config import PARAMETER_BYTES, AcceleratorConfig, Build, Bus, Limits, Sram

from ..bench import Bench
from ..property import Proof, Property
from ..source import Plant

__all__ = ["PROOFS"]

_MODULE = "matwright.schedule.region"
_PAGE_BYTES = 4096

_TWIN = AcceleratorConfig(
    name="twin",
    rows=4,
    cols=4,
    sram=Sram(activation_rows=64, weight_tiles=4, accumulator_rows=16, column_panels=2),
    bus=Bus(data_width=32, addr_width=16, max_burst=16, outstanding=2, windows=2),
    limits=Limits(max_m=2, max_n=8, max_k=8),
    build=Build(post_lanes=1),
)


def _region(b: Bench) -> None:
    config = _TWIN
    dut = b.place("dut", b.source(_MODULE).RegionCheck(config))
    m, size = b.m, config.bus.bytes
    width = len(dut.address)
    page_bits = (_PAGE_BYTES // size).bit_length() - 1
    pages = config.bus.addr_width - 12

    # The descriptor and the windows: any, and they hold still.
    starts = [b.fixed(width, f"address_{i}") for i in range(4)]
    strides = [b.fixed(width + 1, f"stride_{i}") for i in range(3)]
    rows, panels_k = b.fixed(range(config.limits.max_m + 1), "m"), b.fixed(1, "last_k")
    panels_n, columns = b.fixed(1, "last_n"), b.fixed(2, "last_column")
    raw, table = b.fixed(1, "raw"), b.fixed(1, "table")
    windows = [
        [
            b.fixed(shape, f"{name}_{i}")
            for name, shape in (("base", pages), ("limit", pages), ("read", 1), ("write", 1))
        ]
        for i in range(config.bus.windows)
    ]
    b.assume((rows != 0) & (rows <= config.limits.max_m))
    address, stride = Signal(2), Signal(2)
    m.d.comb += [
        dut.address.eq(Array(starts)[address]),
        dut.stride.as_value().eq(Array(strides)[stride]),
        dut.m.eq(rows),
        dut.raw.eq(raw),
        dut.table.eq(table),
        dut.last_n_panel.eq(panels_n),
        dut.last_n_item.eq(columns),
        dut.last_k_panel.eq(panels_k),
        dut.k_tail_beats.eq(1),
        dut.counted.eq(1),
    ]
    for window, (base, limit, read, write) in zip(dut.windows, windows, strict=True):
        m.d.comb += [
            window.not_base.eq(~base),
            window.not_limit.eq(~limit),
            window.read.eq(read),
            window.write.eq(write),
        ]
    with m.If(dut.next_address):
        m.d.sync += address.eq(address + 1)
    with m.If(dut.next_stride):
        m.d.sync += stride.eq(Mux(stride == 2, 0, stride + 1))

    # Last beats of rows, and rows less one, of A, B, D and the table.
    tile, parameters = config.tile_bytes // size, PARAMETER_BYTES * config.cols // size
    element = panels_n * config.cols + columns
    lasts = [
        panels_k,
        (panels_n + 1) * tile - 1,
        Mux(raw, element, element // size),
        (panels_n + 1) * parameters - 1,
    ]
    more = [rows - 1, panels_k, rows - 1, Const(0)]
    # What is found at once, when the check starts.
    takes: Value = Const(2)  # cycles
    inside: Value = Const(1)
    ends_at: list[Value] = []
    verdicts: list[Value] = []
    begins: list[Value] = [Const(1)]
    for region in range(4):
        first, last = starts[region], Signal(width + 5, name=f"last_{region}")
        steps: Value = Const(0)
        if region < 3:
            stride_ = strides[region]
            steps = Mux(more[region][0], stride_, 0)
            if region != 1:
                steps = steps + Mux(more[region][1], stride_ << 1, 0)
        with m.If(dut.start):
            m.d.sync += last.eq(first + steps + lasts[region])
        ends_at.append(last)
        lies: Value = Const(0)
        for base, limit, read, write in windows:
            permits = write if region == 2 else read
            lies |= permits & (first[page_bits:] >= base) & (last[page_bits:] <= limit)
        used = table if region == 3 else Const(1)
        inside &= lies | ~used
        bits = Mux(more[region] == 0, 0, Mux(more[region] == 1, 1, 2))
        takes = takes + Mux(used, 1 + bits, 0)
        verdicts.append(lies)
        begins.append(begins[-1] + 1 + bits)

    runs = Signal()
    age, latency = Signal(4), Signal(4)
    expected = Signal()
    m.d.sync += expected.eq(inside)
    m.d.comb += latency.eq(takes)
    with m.If(dut.start):
        m.d.sync += [runs.eq(1), age.eq(1)]
    with m.Elif(runs):
        m.d.sync += [runs.eq(age != latency), age.eq(age + 1)]
    b.assume(~dut.start | ~runs)
    ends = runs & (age == latency)
    b.implies("sound", ends & dut.inside, expected)
    b.implies("complete", ends & expected, dut.inside)
    b.implies("latency", runs, dut.done == (age == latency))
    # Where a region ends.
    at = Signal(2, name="region")
    with m.If(dut.start):
        m.d.sync += at.eq(0)
    with m.Elif(b.inner(dut, "ends")):
        m.d.sync += at.eq(at + 1)
    here = Signal(width + 5)
    m.d.comb += here.eq(Array(ends_at)[at])
    wraps = b.inner(dut, "beyond") | b.inner(dut, "carried") | b.inner(dut, "spilled")
    place = b.inner(dut, "place")
    walks = b.inner(dut, "walking") | b.inner(dut, "walked")
    judged = Signal(3)
    m.d.sync += judged.eq(Mux(dut.start, 0, at))
    so_far: Value = Const(1)
    for i, lies in enumerate(verdicts[:3]):
        so_far &= lies | (judged <= i)
    current, closes = b.inner(dut, "current"), b.inner(dut, "ends")
    b.implies("busy", runs, walks | closes | b.inner(dut, "judges"))
    b.implies("current", runs & walks, current == Const(1) << address)
    b.implies("counted", runs & walks, (at + closes)[:2] == address)
    b.implies("strides", runs & walks, stride == Mux(address > 1, 0, address + 1))
    b.implies("phase", runs & b.inner(dut, "first"), age == Array(begins[:4])[address])
    b.implies("so_far", runs, b.inner(dut, "clean") == so_far)
    rest = Signal(8)
    m.d.comb += rest.eq(b.inner(dut, "left") - b.inner(dut, "less_one"))
    b.implies("rest", b.inner(dut, "walking"), (rest != 0) & (rest <= 3))
    b.show("adds", b.inner(dut, "adds") == (b.inner(dut, "walking") & rest[0]))
    b.implies("wraps", b.inner(dut, "ends"), wraps == here[width:].any())
    b.implies("place", b.inner(dut, "ends"), place == here[:width])
    held = b.before(dut.done & ~dut.start)
    b.implies("stays", held, dut.done & (dut.inside == b.before(dut.inside)))
    b.implies("turned", ~runs, (address == 0) & (stride == 0))

    code = b.before(dut.code_addr)[12:]
    readable: Value = Const(0)
    for base, limit, read, _ in windows:
        readable |= read & (code >= base) & (code <= limit)
    b.implies("readable", b.before(~runs & b.before(~runs)), dut.readable == readable)

    idle = ~b.inner(dut, "walking") & ~b.inner(dut, "walked") & ~b.inner(dut, "first")
    b.implies("idle", ~runs, idle & b.inner(dut, "ended"))
    b.implies("range", runs, (age != 0) & (age <= latency))
    b.reach("inside", ends & dut.inside & table & (rows == 2))
    b.reach("outside", ends & ~dut.inside)


PROOFS = (
    Proof(
        name="region",
        block="schedule/region.py: RegionCheck",
        scale="a small machine: 4x4, 16 address bits, two windows, M to 2, N and K to 8; all operands",
        spec=_region,
        properties=(
            Property(
                "sound",
                "No descriptor passes of which a byte of A, B, D or the table is outside of open windows.",
                Plant(_MODULE, "(adds & lost)", "(adds & 0)"),
            ),
            Property(
                "complete",
                "One whose operands lie in open windows passes.",
                Plant(_MODULE, "last_page + window.not_limit", "last_page + window.not_limit + 1"),
            ),
            Property(
                "latency",
                "The answer comes after exactly as many cycles as are promised.",
                Plant(_MODULE, "judges_all.eq(ends_all)", "judges_all.eq(ends)"),
            ),
            Property(
                "stays",
                "The answer stays until the next check.",
                Plant(_MODULE, "ended.eq(self.done), ", "ended.eq(self.done & ~ended), "),
            ),
            Property(
                "readable",
                "Between checks a page may be read exactly if it lies in a window that may be.",
                Plant(_MODULE, "~from_limit[-1] & window.read", "~from_limit[-1]"),
            ),
        ),
        bound=10,
        depth=10,
        quick=False,
    ),
)
