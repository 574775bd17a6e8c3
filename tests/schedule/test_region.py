# SPDX-License-Identifier: Apache-2.0
"""The region check in Amaranth's simulator, against plain integers that never wrap."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import pytest
from amaranth.sim import Simulator

from matwright.bus.window import windows_layout
from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.presets import preset
from matwright.schedule.descriptor import Descriptor, Error, Flag
from matwright.schedule.region import RegionCheck
from matwright_sim.golden.machine import check, regions

COUNT = 700
"""Random descriptors for each configuration."""
PAGE = 4096
NAMES = ("a", "b", "d", "table")


def _config(rows: int, cols: int, bits: int, addr_width: int, **more: Any) -> AcceleratorConfig:
    windows = more.pop("windows", 4)
    defaults: dict[str, Any] = {
        "sram": Sram(activation_rows=64, weight_tiles=16, accumulator_rows=16, column_panels=16),
        "bus": Bus(data_width=bits, addr_width=addr_width, max_burst=4, windows=windows),
        "build": Build(post_lanes=1),
    }
    return AcceleratorConfig(rows=rows, cols=cols, **(defaults | more))


CONFIGS: dict[str, AcceleratorConfig] = {
    **{name: preset(name) for name in ("tiny", "small", "decode", "server")},
    # Rows longer than the whole address space, by more than one bit.
    "short": _config(4, 4, 32, 16, windows=3),
    # Sides that are no powers of two; two beats a panel, of which the last may hold nothing.
    "odd": _config(6, 3, 32, 16, windows=8),
    # A panel has four beats, the address all bits.
    "split": _config(
        *(16, 4, 64, 48),
        precision=Precision(a_width=16, b_width=2),
        limits=Limits(max_m=300_000, max_k=32_767),
        windows=2,
    ),
    # Column panels of a single byte.
    "column": _config(8, 1, 32, 33, windows=5),
    # Beats of several panels, elements of two bytes, tiles of an odd number of beats.
    "wider": _config(
        *(3, 5, 128, 40),
        precision=Precision(a_width=9, b_width=9),
        limits=Limits(max_k=32_767),
    ),
    # The largest sizes that a configuration may have, and the longest addresses.
    "most": _config(
        *(5, 7, 64, 48),
        precision=Precision(a_width=3, b_width=3),
        limits=Limits(max_m=(1 << 24) - 1, max_n=(1 << 24) - 1, max_k=(1 << 24) - 1),
    ),
    # The smallest.
    "least": _config(4, 4, 32, 20, limits=Limits(max_m=1, max_n=1, max_k=1), windows=2),
}


# The model.


class Window(NamedTuple):
    """Bytes ``base`` to ``limit``, ``limit`` included."""

    base: int
    limit: int
    read: bool
    write: bool


class Region(NamedTuple):
    """Bytes ``first`` to ``last`` in ``rows`` rows."""

    rows: int
    first: int
    last: int
    write: bool

    def open(self, windows: list[Window]) -> bool:
        """It lies in one window that permits it."""
        return any(
            (w.write if self.write else w.read) and w.base <= self.first and self.last <= w.limit
            for w in windows
        )


def _pitch(side: int) -> int:
    return next(1 << log2 for log2 in range(9) if 1 << log2 >= side)


def model(config: AcceleratorConfig, d: Descriptor) -> dict[str, Region]:
    """What is read and written, by where docs/developer/machine.md puts the last element of each."""
    beat = config.bus.data_width // 8
    a_size = 1 if config.precision.a_width <= 8 else 2
    b_size = 1 if config.precision.b_width <= 8 else 2
    d_size = 4 if d.flags & 2 else 1
    R, C, Rp, Cp = config.rows, config.cols, _pitch(config.rows), _pitch(config.cols)
    k_panels, n_panels = (d.k - 1) // R + 1, (d.n - 1) // C + 1
    # Of a row of A or D, beats up to the one that holds the last byte of the last element.
    a_end = ((d.k - 1) // R * Rp + (d.k - 1) % R + 1) * a_size
    d_end = ((d.n - 1) // C * Cp + (d.n - 1) % C + 1) * d_size
    a_end, d_end = (-(-end // beat) * beat for end in (a_end, d_end))
    # Whole tiles, and whole panels of parameters.
    b_end = n_panels * R * Cp * b_size
    found = {
        "a": Region(d.m, d.a_addr, d.a_addr + (d.m - 1) * d.a_stride + a_end - 1, False),
        "b": Region(k_panels, d.b_addr, d.b_addr + (k_panels - 1) * d.b_stride + b_end - 1, False),
        "d": Region(d.m, d.d_addr, d.d_addr + (d.m - 1) * d.d_stride + d_end - 1, True),
    }
    if d.flags & 4:
        found["table"] = Region(1, d.params, d.params + n_panels * 8 * Cp - 1, False)
    return found


def divides(config: AcceleratorConfig) -> bool:
    """Panels are counted by division, which takes its time."""
    return any(side & (side - 1) for side in (config.rows, config.cols))


def cycles(config: AcceleratorConfig, d: Descriptor, counted: int) -> int:
    """Cycles from ``start`` to ``done``; ``counted`` is that many cycles after ``start``."""
    bits = [(region.rows - 1).bit_length() for region in model(config, d).values()]
    # The rows of A are walked while the panels are counted.
    first = max(1 + bits[0], counted + RegionCheck.COUNT_LATENCY)
    return first + sum(1 + more for more in bits[1:]) + RegionCheck.LATENCY


# Descriptors.


class Case(NamedTuple):
    """A descriptor, the windows, and when panels are counted."""

    d: Descriptor
    windows: list[Window]
    counted: int


def _log_uniform(rng: Random, most: int) -> int:
    return min(most, rng.getrandbits(rng.randint(1, most.bit_length())) or 1)


def _panels(rng: Random, side: int, most: int) -> int:
    """A few panels, full ones or not."""
    size = rng.choice([1, side, side + 1, 3 * side, rng.randint(1, 5 * side)])
    return min(most, size)


def _stride(rng: Random, config: AcceleratorConfig, rows: int, row: int, how: str) -> int:
    """A legal stride for ``rows`` rows of ``row`` bytes."""
    beat, width = config.bus.bytes, config.bus.addr_width
    steps = rows - 1
    most = (1 << 32) - beat
    if steps == 0:
        return rng.choice([0, beat, most, rng.randrange(1 << 32) // beat * beat])
    room = min(most, max(0, (1 << width - 2) // steps))
    if how == "small":
        return rng.choice([0, 0, rng.randint(0, room) // beat * beat])
    if how == "wrap":
        # The product is beyond a power of two by nothing, or by little.
        power = rng.choice([width, width, 32, 48])
        times = rng.randint(1, max(1, steps * most >> power))
        stride = -(-(times << power) // steps // beat) * beat
        if stride <= most and rng.random() < 0.8:
            return stride
        return rng.choice([most, most, rng.randrange(1 << 32) // beat * beat])
    # The last row ends where a page does, if any stride makes it.
    aligned = [s for s in range(0, PAGE, beat) if (steps * s + row) % PAGE == 0]
    if aligned and rng.random() < 0.5:
        return rng.choice(aligned) + room // PAGE * rng.randint(0, 1) * PAGE
    return rng.choice([0, rng.randint(0, room) // beat * beat, room // beat * beat])


def _sizes(rng: Random, config: AcceleratorConfig, probe: str, how: str) -> dict[str, int]:
    """m, n, k."""
    limits, space = config.limits, 1 << config.bus.addr_width
    m = rng.choice([1, 2, limits.max_m, _log_uniform(rng, limits.max_m), rng.randint(1, 300)])
    if how == "wrap" and rng.random() < 0.5:
        m = (1 << rng.randrange(limits.max_m.bit_length())) + 1
    n, k = (
        rng.choice([_panels(rng, side, most), _log_uniform(rng, min(most, 40 * side))])
        for side, most in ((config.cols, limits.max_n), (config.rows, limits.max_k))
    )
    if probe == "b" and rng.random() < 0.7:
        k = rng.choice([limits.max_k, _log_uniform(rng, limits.max_k)])
    if how == "wide":
        # A row is longer than a multiple of the address space, by little.
        tile = config.tile_bytes if probe == "b" else 8 * config.col_pitch
        tile = config.panel_bytes if probe == "a" else tile
        tile = config.col_pitch if probe == "d" else tile
        side, limit = (config.rows, limits.max_k) if probe == "a" else (config.cols, limits.max_n)
        panels = space * rng.randint(1, 9) // tile + rng.randint(0, 2)
        size = min(limit, panels * side + rng.randint(1, side))
        k, n = (size, n) if probe == "a" else (k, size)
    return {"m": min(m, limits.max_m), "n": n, "k": k}


def _place(rng: Random, config: AcceleratorConfig, span: int) -> tuple[int, int, int]:
    """Address of a region of ``span`` bytes, base and end of a window; first or last beat is at the
    edge, or one beat to either side."""
    beat, space = config.bus.bytes, 1 << config.bus.addr_width
    delta = rng.choice([0, beat, -beat])
    extra = PAGE * rng.choice([0, 0, rng.randrange(space // PAGE)])
    if rng.random() < 0.5:
        end = PAGE * rng.randint(min(-(-span // PAGE), space // PAGE), space // PAGE)
        end = rng.choice([end, end, space])
        addr = max(0, end + delta - span) % space
        return addr, max(0, addr // PAGE * PAGE - extra), end
    base = PAGE * rng.randint(0, max(0, space - span) // PAGE)
    base = min(base, space - PAGE)
    addr = max(0, base + delta)
    end = -(-(addr + span) // PAGE) * PAGE
    return addr, base, min(space, max(base + PAGE, end + extra))


def _case(rng: Random, config: AcceleratorConfig, probe: str) -> Case:
    """A descriptor whose region ``probe`` is at an edge; the others are in another window, if they fit."""
    beat, space = config.bus.bytes, 1 << config.bus.addr_width
    how = rng.choice(["edge", "edge", "edge", "wrap", "wide"])
    flags = rng.getrandbits(6) | (Flag.TABLE if probe == "table" else 0)
    values: dict[str, Any] = _sizes(rng, config, probe, how)
    values |= {"a_addr": 0, "b_addr": 0, "d_addr": 0, "flags": flags, "tile_rows": 1}
    values |= {"a_stride": 0, "b_stride": 0, "d_stride": 0}
    values["n_panels_log2"] = config.sram.column_panels.bit_length() - 1
    values["k_panels_log2"] = config.panels_per_activation_word.bit_length() - 1
    rows = model(config, Descriptor(**values))
    for name, region in rows.items():
        if name != "table":
            kind = how if name == probe else "small"
            values[f"{name}_stride"] = _stride(rng, config, region.rows, region.last + 1, kind)

    spans = {name: r.last + 1 for name, r in model(config, Descriptor(**values)).items()}
    addr, base, end = _place(rng, config, spans[probe])
    if how != "edge":
        # Whatever wraps finds an open window.
        addr, base, end = rng.randrange(space) // beat * beat, 0, space
        addr = rng.choice([addr, (space - spans[probe]) % space, (space - beat) % space])
    needs_write = probe == "d"
    least, wrong = (not needs_write, needs_write), (needs_write, not needs_write)
    rights = rng.choice([*[(True, True), least] * 4, wrong])
    windows = [Window(base, end - 1, *rights)]
    home = max([(0, base), (end, space)], key=lambda place: place[1] - place[0])
    if home[0] < home[1]:
        # Next to it: what is across the two is in neither.
        windows.append(Window(home[0], home[1] - 1, True, not needs_write or rng.random() < 0.8))
    else:
        home = (base, end)
    for name, span in spans.items():
        field = "params" if name == "table" else f"{name}_addr"
        room = max(0, home[1] - home[0] - span) // beat
        values[field] = home[0] + beat * rng.choice([0, room, rng.randint(0, room)])
        if name == probe:
            values[field] = addr
    if "table" not in spans:
        values["params"] = rng.getrandbits(48)  # a scale word, and whatever is above it
    return Case(
        Descriptor(**values),
        _filled(rng, config, windows, needs_write),
        rng.choice([0, 0, 1, 2, rng.randint(0, 40)]) if divides(config) else 0,
    )


def _filled(
    rng: Random, config: AcceleratorConfig, windows: list[Window], needs_write: bool
) -> list[Window]:
    """``windows`` and, up to the number that there are, such as do not permit what is needed."""
    space = 1 << config.bus.addr_width
    windows = list(windows)
    while len(windows) < config.bus.windows:
        base, end = (PAGE * rng.randint(0, space // PAGE - 1) for _ in range(2))
        if base > end:
            windows.append(Window(base, end + PAGE - 1, True, True))  # holds nothing
        elif rng.random() < 0.5:
            windows.append(Window(0, space - 1, False, False))
        else:
            windows.append(Window(0, space - 1, needs_write, not needs_write))
    rng.shuffle(windows)
    return windows


# The component.


def _bits(config: AcceleratorConfig, windows: list[Window]) -> int:
    """``windows`` as their port takes them; those that are missing are closed."""
    pages = (1 << config.bus.addr_width) // PAGE
    fields = [
        {
            "not_base": pages - 1 - w.base // PAGE,
            "not_limit": pages - 1 - w.limit // PAGE,
            "read": int(w.read),
            "write": int(w.write),
        }
        for w in windows
    ]
    return windows_layout(config.bus).const(fields).as_bits()


class Bench:
    """Runs cases on a RegionCheck."""

    def __init__(self, ctx: Any, dut: RegionCheck, rng: Random) -> None:
        self.ctx, self.dut, self.rng = ctx, dut, rng
        self.windows: list[Window] = []
        self.counts = {
            name: len(getattr(dut, name))
            for name in ("last_n_panel", "last_n_item", "last_k_panel", "k_tail_beats")
        }
        self.starts: list[int] = []
        self.strides: list[int] = []

    def open(self, windows: list[Window]) -> None:
        """Set the windows; they hold still until the next time."""
        self.windows = windows
        self.ctx.set(self.dut.windows.as_value(), _bits(self.dut.config, windows))

    def _count(self, d: Descriptor | None) -> None:
        """Drive the counts of panels, or anything."""
        config, values = self.dut.config, {}
        if d is not None:
            tail = ((d.k - 1) % config.rows + 1) * config.precision.a_bytes
            values = {
                "last_n_panel": (d.n - 1) // config.cols,
                "last_n_item": (d.n - 1) % config.cols,
                "last_k_panel": (d.k - 1) // config.rows,
                "k_tail_beats": -(-tail // config.bus.bytes),
            }
        for name, width in self.counts.items():
            value = values[name] if values else self.rng.getrandbits(width)
            self.ctx.set(getattr(self.dut, name), value)

    def _show(self) -> None:
        """The address and the stride that it is to see now."""
        bus = self.dut.config.bus
        space = 1 << bus.addr_width
        self.ctx.set(self.dut.address, self.starts[0] // bus.bytes)
        stride = self.strides[0]
        shown = {"beats": stride % space // bus.bytes, "far": int(stride >= space)}
        self.ctx.set(self.dut.stride, shown)

    async def _tick(self) -> None:
        """A cycle. What it asks for follows."""
        ctx, dut = self.ctx, self.dut
        turns = ctx.get(dut.next_address), ctx.get(dut.next_stride)
        await ctx.tick()
        for ring, turn in zip((self.starts, self.strides), turns, strict=True):
            if turn:
                ring.append(ring.pop(0))
        self._show()

    async def run(self, case: Case) -> tuple[int, bool]:
        """Check one descriptor: cycles from ``start`` to ``done``, and ``inside``."""
        ctx, dut, rng, d = self.ctx, self.dut, self.rng, case.d
        self.open(case.windows)
        space = 1 << dut.config.bus.addr_width
        starts = [d.a_addr, d.b_addr, d.d_addr, d.params % space]
        strides = [d.a_stride, d.b_stride, d.d_stride]
        self.starts, self.strides = [*starts], [*strides]
        self._show()
        ctx.set(dut.m, d.m)
        ctx.set(dut.raw, int(Flag.RAW in Flag(d.flags)))
        ctx.set(dut.table, int(Flag.TABLE in Flag(d.flags)))
        ctx.set(dut.start, 1)
        ctx.set(dut.counted, 0)
        self._count(None)
        for cycle in range(1000):
            if cycle == case.counted:
                ctx.set(dut.counted, 1)
                self._count(d)
            # Where the program is has no influence on a check.
            ctx.set(dut.code_addr, rng.getrandbits(dut.config.bus.addr_width))
            if cycle and ctx.get(dut.done):
                assert (self.starts, self.strides) == (starts, strides), "it has not turned around"
                return cycle, bool(ctx.get(dut.inside))
            await self._tick()
            ctx.set(dut.start, 0)
        raise AssertionError("never done")

    async def rest(self, inside: bool) -> None:
        """The verdict stands, whatever the inputs do; meanwhile pages of code are looked up."""
        ctx, dut, rng = self.ctx, self.dut, self.rng
        for name in ("m", "raw", "table", "counted", "address"):
            ctx.set(getattr(dut, name), rng.getrandbits(len(getattr(dut, name))))
        self._count(None)
        await ctx.tick()
        for _ in range(rng.randrange(3)):
            await self.look_up(self.near())
            assert (ctx.get(dut.done), ctx.get(dut.inside)) == (1, inside)
            assert not ctx.get(dut.next_address) and not ctx.get(dut.next_stride)

    def near(self) -> int:
        """An address at the edge of a window, or any."""
        window = self.rng.choice(self.windows)
        edge = self.rng.choice([window.base - 1, window.base, window.limit, window.limit + 1])
        space = 1 << self.dut.config.bus.addr_width
        return self.rng.choice([edge % space, self.rng.randrange(space)])

    async def look_up(self, addr: int) -> bool:
        """``readable`` must be what the windows say, in the next cycle."""
        self.ctx.set(self.dut.code_addr, addr)
        await self.ctx.tick()
        wanted = any(w.read and w.base <= addr <= w.limit for w in self.windows)
        assert self.ctx.get(self.dut.readable) == wanted, f"{addr:#x}: {self.windows}"
        return wanted


def _simulate(config: AcceleratorConfig, rng: Random, bench: Any) -> None:
    dut = RegionCheck(config)

    async def body(ctx: Any) -> None:
        await bench(Bench(ctx, dut, rng))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(body)
    sim.run()


def _kinds(config: AcceleratorConfig, case: Case) -> Iterator[str]:
    """What a case is a case of: edges, or why its verdict is that it is outside."""
    space, beat = 1 << config.bus.addr_width, config.bus.bytes
    regions = model(config, case.d)
    closed = [name for name, region in regions.items() if not region.open(case.windows)]
    if not closed:
        for name, region in regions.items():
            yield f"{name} is inside"
            permit = [w for w in case.windows if (w.write if region.write else w.read)]
            if any(w.limit == region.last for w in permit):
                yield f"{name} ends at a limit"
            if any(w.base == region.first for w in permit):
                yield f"{name} begins at a base"
    if len(closed) != 1:
        return
    # One region alone decides.
    name = closed[0]
    region = regions[name]
    permit = [w for w in case.windows if (w.write if region.write else w.read)]
    if region._replace(last=region.last - beat).open(permit):
        yield f"{name} ends a beat beyond a limit"
    if region._replace(first=region.first + beat).open(permit):
        yield f"{name} begins a beat before a base"
    if region._replace(write=not region.write).open(case.windows):
        yield f"{name} is not permitted"
    if any(
        u.limit + 1 == w.base and u.base <= region.first and region.last <= w.limit
        for u in permit
        for w in permit
    ):
        yield f"{name} is across two windows"
    if region.last >= space and region._replace(last=region.last % space).open(permit):
        yield f"{name} wraps into a window"
    for power in (32, 48):
        if (region.rows - 1) * getattr(case.d, f"{name}_stride", 0) >> power:
            yield f"a product of more than {power} bits"


KINDS = (
    *("is inside", "ends at a limit", "begins at a base", "ends a beat beyond a limit"),
    *("begins a beat before a base", "is not permitted", "is across two windows"),
    "wraps into a window",
)


@pytest.mark.parametrize("name", CONFIGS)
def test_against_integers(name: str) -> None:
    config = CONFIGS[name]
    seed = f"region {name}"
    print(f"seed {seed}")
    rng = Random(seed)
    cases = [_case(rng, config, NAMES[i % 4]) for i in range(COUNT)]
    kinds: Counter[str] = Counter()

    async def run(bench: Bench) -> None:
        for case in cases:
            assert check(config, case.d.pack()) == Error.NONE, f"not a legal case: {case.d}"
            kinds.update(_kinds(config, case))
            wanted = model(config, case.d)
            taken, inside = await bench.run(case)
            assert taken == cycles(config, case.d, case.counted), f"{taken} cycles: {case}"
            assert inside == all(r.open(case.windows) for r in wanted.values()), f"{case}, {wanted}"
            await bench.rest(inside)

    _simulate(config, rng, run)
    # A region of one beat is nowhere but inside or outside.
    spread = NAMES if config.limits.max_m > 1 else ("b", "table")
    wanted = {f"{region} {kind}" for region in spread for kind in KINDS}
    steps = max(config.limits.max_m, config.limits.max_k // config.rows) - 1
    wanted |= {f"a product of more than {p} bits" for p in (32, 48) if steps >> (p - 32) > 1}
    assert wanted <= kinds.keys(), (wanted - kinds.keys(), kinds)


@pytest.mark.parametrize("name", CONFIGS)
def test_golden_machine_means_the_same(name: str) -> None:
    config = CONFIGS[name]
    rng = Random(f"golden {name}")
    for i in range(COUNT):
        d = _case(rng, config, NAMES[i % 4]).d
        wanted = [
            (r.first, r.last, "write" if r.write else "read") for r in model(config, d).values()
        ]
        assert regions(config, d) == wanted, d


# By hand.

SQUARE = _config(4, 4, 32, 24)
THREE = _config(3, 4, 32, 24)
OPEN = Window(0, (1 << 24) - 1, True, True)


def _by_hand(
    counted: int = 0,
    windows: tuple[Window, ...] = (OPEN,),
    config: AcceleratorConfig = SQUARE,
    **changes: int,
) -> Any:
    """Cycles and verdict of A at 0x1000, the rest in page 8."""
    fields: dict[str, Any] = {"m": 1, "n": 1, "k": 1, "tile_rows": 1, "n_panels_log2": 2}
    fields |= {"a_stride": 0, "b_stride": 0, "d_stride": 0, "a_addr": 0x1000, "b_addr": 0x8000}
    fields |= {"d_addr": 0x8800, "params": 0x8C00}
    found: list[tuple[int, bool]] = []

    async def run(bench: Bench) -> None:
        found.append(await bench.run(Case(Descriptor(**fields | changes), [*windows], counted)))

    _simulate(config, Random(0), run)
    return found[0]


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, 5),  # three regions
        ({"flags": Flag.TABLE}, 6),  # four
        ({"m": 2}, 5 + 1 + 1),  # one bit for A, one for D
        ({"m": 9}, 5 + 4 + 4),  # 8 has four bits, as has 15
        ({"m": 16}, 5 + 4 + 4),
        ({"k": 36}, 5 + 4),  # nine panels of K
        ({"n": 36}, 5),
        ({"config": THREE}, 5),
        ({"config": THREE, "counted": 1}, 6),  # the last beat of A waits for the count
        ({"config": THREE, "counted": 20}, 25),
        ({"config": THREE, "counted": 4, "m": 9}, 13),  # counted while A is walked
        ({"config": THREE, "counted": 5, "m": 9}, 14),
    ],
)
def test_cycles_by_hand(changes: dict[str, Any], taken: int) -> None:
    assert _by_hand(**changes) == (taken, True)


REST = Window(0x8000, 0x8FFF, True, True)


@pytest.mark.parametrize(
    ("windows", "inside"),
    [
        ([Window(0x1000, 0x2FFF, True, False)], True),
        ([Window(0x1000, 0x2FFF, False, True)], False),
        ([Window(0x1000, 0x2FFF, False, False)], False),
        ([Window(0x1000, 0x1FFF, True, True)], False),
        ([Window(0x2000, 0x2FFF, True, True)], False),
        ([Window(0x1000, 0x1FFF, True, True), Window(0x2000, 0x2FFF, True, True)], False),
        ([Window(0x0000, 0x1FFF, True, True), Window(0x1000, 0x2FFF, True, False)], True),
        ([Window(0x2000, 0x1FFF, True, True)], False),
        ([Window(0x3000, 0x0FFF, True, True)], False),
        ([], False),
    ],
)
def test_windows_by_hand(windows: list[Window], inside: bool) -> None:
    """A is 0x1000 to 0x2fff: rows of a beat, the second at the end of the second page."""
    assert _by_hand(m=2, k=4, a_stride=0x1FFC, windows=(REST, *windows)) == (7, inside)
    # One beat more, and no window that starts or ends here holds it.
    for change in ({"a_stride": 0x2000}, {"a_addr": 0xFFC, "a_stride": 0x2000}):
        assert _by_hand(m=2, k=4, windows=(REST, *windows), **change) == (7, False)


@pytest.mark.parametrize(("flags", "inside"), [(0, True), (Flag.TABLE, False)])
def test_parameters_without_a_table_are_no_address(flags: int, inside: bool) -> None:
    windows = (REST, Window(0x1000, 0x1FFF, True, False))
    assert _by_hand(windows=windows, flags=flags, params=0x4000)[1] == inside


@pytest.mark.parametrize("name", CONFIGS)
def test_readable(name: str) -> None:
    """The page of ``code_addr``, before any check and after one, in the cycle after."""
    config = CONFIGS[name]
    seed = f"readable {name}"
    print(f"seed {seed}")
    rng = Random(seed)
    seen: Counter[bool] = Counter()

    async def run(bench: Bench) -> None:
        for _ in range(40):
            pages = (1 << config.bus.addr_width) // PAGE
            base, limit = sorted(PAGE * rng.randrange(pages) for _ in range(2))
            window = Window(base, limit + PAGE - 1, rng.random() < 0.8, rng.random() < 0.5)
            bench.open(_filled(rng, config, [window], False))
            seen.update([await bench.look_up(bench.near()) for _ in range(10)])
            if rng.random() < 0.1:
                _, inside = await bench.run(_case(rng, config, "b"))
                await bench.rest(inside)

    _simulate(config, rng, run)
    assert min(seen[True], seen[False]) > 20, seen
