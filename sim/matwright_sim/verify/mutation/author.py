# SPDX-License-Identifier: Apache-2.0
"""Writes acts: programs that end, that are refused and just not; faults of the bus; hosts that stop."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from matwright.bus.window import Window
from matwright.config import AcceleratorConfig
from matwright.layout import a_row_bytes, b_stride, d_stride, table_bytes
from matwright.schedule.descriptor import (
    DESCRIPTOR_BYTES,
    FIELDS,
    Descriptor,
    Error,
    Flag,
    reserved_mask,
)

from ...agents.programs import NoRoomError, ProgramImage, Region, Shape, build_program
from ...cycles.exact import exact
from ...cycles.memory import Memory
from ...golden.machine import GoldenMachine, check, regions
from .acts import Act, Faulty, Forgotten, Good, Refused, Stopped, Unchecked

__all__ = ["FAST", "Author", "memory_bytes"]

_PAGE = 4096
_TRIES = 100
"""To draw a program that neither overlaps itself nor leaves memory."""

FAST = {"read_latency": 3, "write_latency": 2}
"""A memory that answers soon."""

_EDGES = np.array([0, 1, 127, 128, 255], np.uint8)
_ADDRESSES = ("a_addr", "b_addr", "d_addr", "params")
_STRIDES = ("a_stride", "b_stride", "d_stride")


def memory_bytes(config: AcceleratorConfig) -> int:
    """Size of the memory that the machine has."""
    return min(1 << config.bus.addr_width, 1 << 18)


class Author:
    """Writes acts for a configuration; what is random in them follows from ``seed``."""

    def __init__(self, config: AcceleratorConfig, seed: Sequence[int]) -> None:
        self.config, self.rng = config, np.random.default_rng(seed)
        self.memory_bytes = memory_bytes(config)
        self.r, self.c, self.beat = config.rows, config.cols, config.bus.bytes
        # The least that is legal for all sizes.
        self.least_k_log2 = config.panels_per_activation_word.bit_length() - 1
        self.least_n_log2 = max(0, (-(-self.beat // config.col_pitch) - 1).bit_length())

    def image(
        self,
        shapes: Sequence[Shape],
        flags: int | None = None,
        *,
        data: str = "random",
        dependent: bool = False,
        tiling: tuple[int, int, int] | None = None,
        place: int | None = None,
    ) -> ProgramImage:
        """A program somewhere in memory, with its result by the golden model; sizes and tiles are as great as
        the configuration has them. Raises :class:`.NoRoomError`."""
        rng, config = self.rng, self.config
        most = config.limits
        shapes = [
            (min(m, most.max_m), min(n, most.max_n), min(k, most.max_k)) for m, n, k in shapes
        ]
        image = build_program(
            config, rng, shapes, memory_bytes=self.memory_bytes, flags=flags, dependent=dependent
        )
        if data != "random":
            for region in image.regions:
                if region.role in ("a", "b", "table"):
                    size = region.stop - region.start
                    drawn = rng.integers(0, 256, size, dtype=np.uint8)
                    if data == "edges" and region.role != "table":
                        drawn = _EDGES[rng.integers(0, len(_EDGES), size)]
                    elif data == "least" and region.role != "table":
                        drawn = np.full(size, 128, np.uint8)
                    image.before[region.start : region.stop] = drawn
        if tiling is not None:
            rows, n_log2, k_log2 = tiling
            # A chunk's rows of that many words must fit, and a word holds some panels.
            rows = min(rows, config.activation_words)
            k_log2 = min(k_log2, (config.activation_words // rows).bit_length() - 1)
            k_log2 += self.least_k_log2
            for index, descriptor in enumerate(image.descriptors):
                other = replace(
                    descriptor, tile_rows=rows, n_panels_log2=n_log2, k_panels_log2=k_log2
                )
                if check(config, other.pack()) == Error.NONE:
                    image.descriptors[index] = other
        used = max(region.stop for region in image.regions)
        if place is None:
            place = int(rng.integers((self.memory_bytes - used) // 64 + 1)) * 64
        image = self._moved(image, place)
        outcome = GoldenMachine(config, image.after).run(image.address, image.count)
        if outcome.error != Error.NONE:
            raise ValueError(f"a good program must end, not with {outcome.error.name}")
        return image

    def _moved(self, image: ProgramImage, by: int) -> ProgramImage:
        memory = self.rng.integers(0, 256, self.memory_bytes, dtype=np.uint8)
        size = min(image.before.size, memory.size - by)
        memory[by : by + size] = image.before[:size]
        found = ProgramImage(image.address + by, [], before=memory, after=memory)
        for index, descriptor in enumerate(image.descriptors):
            moved = {name: getattr(descriptor, name) + by for name in _ADDRESSES[:3]}
            if descriptor.flags & Flag.TABLE:
                moved["params"] = descriptor.params + by
            found.descriptors.append(replace(descriptor, **moved))
            found.put(index, found.descriptors[-1].pack())
        found.after = memory.copy()
        found.regions = [
            Region(region.start + by, region.stop + by, region.role, region.index)
            for region in image.regions
        ]
        return found

    def good(self, name: str, *arguments: Any, **options: Any) -> list[Act]:
        """A good program, if memory holds it."""
        try:
            return [Good(name, self.image(*arguments, **options))]
        except NoRoomError:
            return []

    def scaled(self, name: str, columns: int) -> Good:
        """A row of results whose scales count to their last bit: A is 0, a bias and a scale of a column are
        such that the result is within eight bits, or on the half between two."""
        rng, columns = self.rng, min(columns, self.config.limits.max_n)
        image = self.image([(1, columns, 1)], int(Flag.TABLE), tiling=(1, 0, 0), place=0)
        descriptor = image.descriptors[0]
        image.before[descriptor.a_addr : descriptor.a_addr + self.beat] = 0
        entries = -(-columns // self.c) * self.config.col_pitch
        table = np.zeros((entries, 2), np.int64)
        for entry in table:
            lead, exponent = int(rng.integers(27)), int(rng.integers(32))
            exponent = max(min(exponent, lead + 3), 0)
            multiplier = 1 << lead
            if rng.integers(4):
                multiplier |= int(rng.integers(multiplier))
            unit = 1 << (20 + exponent)
            wanted = int(rng.integers(-140, 140)) * 2 + 1
            bias = unit * wanted // (2 * multiplier) + int(rng.integers(-1, 2))
            bias = max(-(1 << 31), min((1 << 31) - 1, bias))
            entry[:] = bias, multiplier | exponent << 27
        words = (table & 0xFFFF_FFFF).astype("<u4").view(np.uint8).reshape(-1)
        image.before[descriptor.params : descriptor.params + words.size] = words
        image.after[:] = image.before
        GoldenMachine(self.config, image.after).run(image.address, image.count)
        return Good(name, image)

    def one_scale(self, name: str) -> Good:
        """Several GEMMs with a scale of their own for all columns, sums of all sizes."""
        rng = self.rng
        image = self.image([(1, 2, 3 * self.r)] * 8, 0, data="edges", place=0)
        for index, descriptor in enumerate(image.descriptors):
            lead = int(rng.integers(27))
            exponent = max(0, lead - 9 - int(rng.integers(3)))
            word = 1 << lead | int(rng.integers(1 << lead)) | exponent << 27
            image.descriptors[index] = replace(descriptor, params=word)
            image.put(index, image.descriptors[index].pack())
        image.after[:] = image.before
        GoldenMachine(self.config, image.after).run(image.address, image.count)
        return Good(name, image)

    # Programs that are refused.

    def refused(self, name: str, image: ProgramImage, windows: tuple[Window, ...] = ()) -> Refused:
        after = image.before.copy()
        golden = GoldenMachine(self.config, after, windows or None)
        outcome = golden.run(image.address, image.count)
        return Refused(name, image.before, image.address, image.count, outcome, after, windows)

    def changed(
        self, name: str, flipped: Sequence[tuple[int, int]] = (), /, **fields: int
    ) -> Refused:
        """A good descriptor with other ``fields``, and bits of words, ``flipped``, the other way."""
        table = Flag.TABLE if self.rng.integers(2) or "params" in fields else 0
        image = self.image([(1, 1, 1)], int(Flag.RAW) | int(table))
        code = int.from_bytes(image.descriptors[0].pack(), "little")
        for field, value in fields.items():
            spot = FIELDS[field]
            mask = ((1 << spot.width) - 1) << (32 * spot.word + spot.low)
            code = code & ~mask | value << (32 * spot.word + spot.low)
        for word, bit in flipped:
            code ^= 1 << (32 * word + bit)
        image.put(0, code.to_bytes(DESCRIPTOR_BYTES, "little"))
        return self.refused(name, image)

    def bad_fields(self) -> Iterator[Act]:
        """Every check of a descriptor, at both sides of what is legal."""
        config, rng = self.config, self.rng
        sram, limits = config.sram, config.limits
        for bit in range(8):
            yield self.changed(f"opcode bit {bit}", [(0, bit)])
        mask = reserved_mask()
        reserved = [i for i in range(8 * DESCRIPTOR_BYTES) if mask >> i & 1]
        by_word = {i // 32: [j for j in reserved if j // 32 == i // 32] for i in reserved}
        for word, bits in by_word.items():
            for i in rng.choice(bits, min(3, len(bits)), replace=False):
                yield self.changed(f"reserved bit {i}", [(word, int(i) % 32)])
        for name, limit in (("m", limits.max_m), ("n", limits.max_n), ("k", limits.max_k)):
            for value in (0, limit + 1, 1 << 31, 1 << int(rng.integers(16, 31)), limit | 1 << 20):
                yield self.changed(f"{name} is {value}", **{name: value})
        tallest = sram.accumulator_rows
        deepest = config.activation_words
        for rows, n_log2, k_log2 in (
            (0, 0, 0),
            (tallest + 1, 0, 0),
            (tallest // 2 + 1, 1, 0),
            (1, 15, 0),
            (1, sram.column_panels.bit_length(), 0),
            (1, 0, 15),
            (2, 0, deepest.bit_length() - 1),
            (deepest // 2 + 1, 0, 1),
            (1 << 15, 0, 0),
            (1 << 12, 0, 0),
            (1 << 15, 3, 3),
            (3, 0, deepest.bit_length() - 2),
            (1, 0, deepest.bit_length()),
        ):
            fields = {"tile_rows": rows, "n_panels_log2": n_log2, "k_panels_log2": k_log2}
            yield self.changed(f"tiling {rows}, {n_log2}, {k_log2}", **fields)
        for name in (*_ADDRESSES, *_STRIDES):
            for bit in range(self.beat.bit_length() - 1):
                word, low = FIELDS[name].word, FIELDS[name].low
                place = [(word, low + bit)]
                fields = {"params": 256} if name == "params" else {}
                yield self.changed(f"{name} bit {bit}", place, **fields)
        for name in _ADDRESSES:
            width = config.bus.addr_width
            for bit in {width, 47, *(int(i) for i in rng.integers(width, 49, 4))}:
                if width <= bit < 48:
                    yield self.changed(f"{name} is beyond 2**{bit}", **{name: 1 << bit})
        for bit in (0, 2, 5, config.bus.addr_width, 47):
            image = self.image([(1, 1, 1)], int(Flag.RAW))
            image.address ^= 1 << bit
            if bit < 6 or bit >= config.bus.addr_width:
                yield self.refused(f"program at {image.address:#x}", image)
        for count, bad in ((3, 0), (3, 1), (3, 2), (2, 1)):
            image = self.image([(1, 1, 1)] * count, int(Flag.RAW))
            image.put(bad, bytes(DESCRIPTOR_BYTES))
            yield self.refused(f"descriptor {bad} of {count} is empty", image)
        image = self.image([(1, 1, 1)])
        image.descriptors.clear()
        yield self.refused("no descriptor", image)

    def beyond_memory(self) -> Iterator[Act]:
        """A region outside of memory: the bus says so, and the address is reported."""
        top = 1 << self.config.bus.addr_width
        if top <= self.memory_bytes:
            return
        for name in ("a_addr", "b_addr"):
            for _ in range(3):
                address = int(self.rng.integers(self.memory_bytes, top)) // 64 * 64
                yield self.changed(f"{name} is {address:#x}", **{name: address})

    def tilings(self, count: int) -> Iterator[Act]:
        """Tiles of up to twice the rows that fit, in blocks of some columns and chunks of some depth."""
        config, rng = self.config, self.rng
        words_log2 = config.panels_per_activation_word.bit_length() - 1
        for _ in range(count):
            n_log2 = int(rng.integers(config.sram.column_panels.bit_length()))
            k_log2 = int(rng.integers((config.activation_words // 2).bit_length()))
            most = config.sram.accumulator_rows >> n_log2, config.activation_words >> k_log2
            rows = 1 + int(rng.integers(2 * max(1, most[int(rng.integers(2))])))
            tiling = {
                "tile_rows": rows,
                "n_panels_log2": n_log2,
                "k_panels_log2": k_log2 + words_log2,
            }
            yield self.changed(f"tiling {rows}, {n_log2}, {k_log2}", **tiling)

    def wrapping(self, count: int) -> Iterator[Act]:
        """Regions that go on past the end of the address space, and would end where they may."""
        for act in self._wrapping(count):
            if act.outcome.error == Error.WINDOW:
                yield act

    def _wrapping(self, count: int) -> Iterator[Refused]:
        config, rng, beat = self.config, self.rng, self.beat
        limits, space = config.limits, 1 << config.bus.addr_width
        for name, limit in (
            ("a", limits.max_m),
            ("b", -(-limits.max_k // self.r)),
            ("d", limits.max_m),
        ):
            counts = {1 << i for i in range(limit.bit_length())}
            counts |= {(1 << i) + 1 for i in range((limit - 1).bit_length())}
            counts |= {int(rng.integers(1, limit + 1)) for _ in range(count)}
            for rows in sorted(counts - {1}):
                size = {"k": (rows - 1) * self.r + 1} if name == "b" else {"m": rows}
                beats = (1 + int(rng.integers(3))) * space // ((rows - 1) * beat) + int(
                    rng.integers(2)
                )
                stride = beats * beat % (1 << 32)
                yield self.changed(f"{name} wraps {rows}", **size, **{f"{name}_stride": stride})
        for bit in range(config.bus.addr_width, 32):
            name = "abd"[bit % 3]
            size = {"k": 2 * self.r} if name == "b" else {"m": 2}
            yield self.changed(f"far {name} {bit}", **size, **{f"{name}_stride": 1 << bit})
        for columns in (self.c, limits.max_n // 2 + 1, limits.max_n):
            reach = table_bytes(config, columns)
            for over in {beat, reach // 2 // 64 * 64, reach - beat} - {0}:
                place = (space - reach + over) // 64 * 64
                yield self.changed(
                    f"a table of {columns} ends {over} late", n=columns, params=place
                )

    # Windows.

    def edged(self, count: int) -> Iterator[Act]:
        """Regions that begin or end where a window does, some of them a beat outside of it."""
        for i in range(count):
            windows = self._windows()
            for _ in range(_TRIES):
                image = self._edged(windows)
                if image is not None:
                    yield self.refused(f"edges of windows {i}", image, windows)
                    break

    def _windows(self) -> tuple[Window, ...]:
        pages = self.memory_bytes // _PAGE
        found = []
        for i in range(min(self.config.bus.windows, 3)):
            first = int(self.rng.integers(pages - 1))
            last = min(pages, first + 1 + int(self.rng.integers(2 + 8 * i)))
            rights = [(True, True), (True, False), (False, True), (True, True)][
                int(self.rng.integers(4))
            ]
            found.append(Window(first * _PAGE, last * _PAGE - 1, *(rights if i else (True, True))))
        self.rng.shuffle(found)
        return tuple(found)

    def _edged(self, windows: tuple[Window, ...]) -> ProgramImage | None:
        """None if results would lie where operands do."""
        config, rng, beat = self.config, self.rng, self.beat
        limits = config.limits
        tops = (
            (4, limits.max_m + 1),
            (self.c + 2, limits.max_n + 1),
            (2 * self.r + 2, limits.max_k + 1),
        )
        m, n, k = (int(rng.integers(1, min(top))) for top in tops)
        if rng.integers(2):
            n = 1
        raw, table = bool(rng.integers(2)), bool(rng.integers(3) == 0)
        sizes = {
            "a": a_row_bytes(config, k),
            "b": b_stride(config, n),
            "d": d_stride(config, n, raw),
        }
        rows = {"a": m, "b": -(-k // self.r), "d": m}
        fields: dict[str, int] = {}
        wrong = rng.choice(["a", "b", "d", "params", "", "", ""])
        for name, size in [
            *sizes.items(),
            *([("params", table_bytes(config, n))] if table else []),
        ]:
            window = windows[int(rng.integers(len(windows)))]
            reach = window.limit + 1 - window.base
            if name in rows:
                most = max(size, reach // rows[name] // beat * beat)
                steps = (size, most, int(rng.integers(size // beat, most // beat + 1)) * beat)
                stride = steps[int(rng.integers(3))]
                if rng.integers(24) == 0:
                    stride |= 1 << int(rng.integers(12, 32))
                fields[f"{name}_stride"] = stride
                size += (rows[name] - 1) * stride
            places = [window.base, window.limit + 1 - size]
            place = places[int(rng.integers(2))]
            if name == wrong:
                place += beat * (1 if place != window.base else -1) * (1 + int(rng.integers(2)))
            place = max(0, place) // beat * beat % (1 << config.bus.addr_width)
            fields["params" if name == "params" else f"{name}_addr"] = place
        flags = (Flag.RAW if raw else 0) | (Flag.TABLE if table else 0)
        descriptor = Descriptor(
            flags=int(flags),
            m=m,
            n=n,
            k=k,
            tile_rows=1 + int(rng.integers(m)),
            n_panels_log2=self.least_n_log2 if n > self.c else 0,
            k_panels_log2=self.least_k_log2,
            **fields,
        )
        home = windows[int(rng.integers(len(windows)))]
        slot = int(rng.integers(_PAGE // DESCRIPTOR_BYTES))
        address = home.base + slot * DESCRIPTOR_BYTES
        if rng.integers(12) == 0:
            address = (home.limit + 1) % self.memory_bytes
        memory = rng.integers(0, 256, self.memory_bytes, dtype=np.uint8)
        image = ProgramImage(address, [descriptor], before=memory, after=memory)
        image.put(0, descriptor.pack())
        if check(config, descriptor.pack()) != Error.NONE:
            return None
        spans = [(first, last) for first, last, _ in regions(config, descriptor)]
        spans.append((address, address + DESCRIPTOR_BYTES - 1))
        d_first, d_last = spans.pop(2)
        if any(first <= d_last and d_first <= last for first, last in spans):
            return None
        if any(last >= self.memory_bytes for _, last in [*spans, (d_first, d_last)]):
            golden = GoldenMachine(config, memory, windows)
            if all(golden.is_open(*region) for region in regions(config, descriptor)):
                return None
        return image

    # A bus that breaks the rules, and hosts that stop programs.

    def faulty(self) -> Iterator[Act]:
        rng, shape = self.rng, [(2, self.c + 1, 2 * self.r + 1), (2, 2, self.r)]
        for fault, bursts, options in (
            ("read_slverr", (0, 2), {}),
            ("read_decerr", (1,), {"beat": 1}),
            ("read_slverr", (3,), {"beat": 1}),
            ("read_last_early", (0, 1), {"beat": 0}),
            ("read_last_late", (0, 3), {"extra": 1}),
            ("read_last_late", (2,), {"extra": 3}),
            ("read_id", (0, 2), {"bus_id": 1}),
            ("read_id", (1,), {"bus_id": 8, "beat": 1}),
            ("write_slverr", (0, 2), {}),
            ("write_decerr", (1,), {}),
            ("write_id", (0,), {"bus_id": 2}),
            ("write_id", (1,), {"bus_id": 4}),
            ("hang_ar", (0, 2), {}),
            ("hang_r", (0, 2), {"beat": 1}),
            ("hang_aw", (0, 1), {}),
            ("hang_w", (0,), {}),
            ("hang_b", (0, 2), {}),
            ("unasked_read", (60, 150), {"bus_id": 3, "last": True}),
            ("unasked_read", (100,), {"bus_id": 0, "last": False}),
            ("unasked_write", (60,), {"bus_id": 3}),
            ("unasked_write", (30,), {"bus_id": 0}),
        ):
            for burst in bursts:
                flags = int(Flag.RAW) | int(rng.integers(2)) * int(Flag.TABLE)
                image = self.image(shape, flags)
                yield Faulty(f"{fault} {burst}", image, fault, burst, options)

    def more_faults(self, count: int) -> Iterator[Act]:
        """Faults at random moments, of answers that nobody asked for above all."""
        rng, ids = self.rng, (0, 1, 2, 4, 8)
        for _ in range(count):
            kind = int(rng.integers(8))
            bus_id = ids[int(rng.integers(1, 5))]
            at = int(rng.integers(60, 300))
            read, write = int(rng.integers(7)), int(rng.integers(3))
            fault, burst, options = (
                ("unasked_read", at, {"bus_id": bus_id, "last": bool(rng.integers(2))}),
                ("unasked_write", at, {"bus_id": 0}),
                ("unasked_write", at, {"bus_id": bus_id}),
                ("read_id", read, {"bus_id": bus_id, "beat": int(rng.integers(2))}),
                ("write_id", write, {"bus_id": bus_id}),
                ("read_last_early", read, {"beat": 0}),
                ("read_last_late", read, {"extra": 1 + int(rng.integers(3))}),
                (("read_slverr", "write_slverr")[bus_id & 1], write, {}),
            )[kind]
            shapes = [(2, self.c + 1, 2 * self.r + 1), (3, 2, self.r)]
            image = self.image(shapes, int(Flag.RAW))
            yield Faulty(f"{fault} {burst} {options}", image, fault, burst, options)
        # What is on offer, or not whole, has no answer yet.
        for hangs, moments in (("hang_ar", range(60, 200, 20)), ("hang_aw", range(150, 600, 30))):
            for at in moments:
                image = self.image([(2, 2, self.r)], int(Flag.RAW))
                fault = "unasked_read" if hangs == "hang_ar" else "unasked_write"
                yield Faulty(f"{hangs}, {fault} {at}", image, fault, at, {"bus_id": 0}, hangs)
        for at in range(150, 600, 30):
            image = self.image([(2, 2, self.r)], int(Flag.RAW))
            yield Faulty(f"hang_w, {at}", image, "unasked_write", at, {"bus_id": 0}, "hang_w")

    def unchecked(self, count: int) -> Iterator[Act]:
        for act in self.edged(count):
            assert isinstance(act, Refused)
            whole = Window(0, (1 << self.config.bus.addr_width) - 1)
            golden = GoldenMachine(self.config, act.memory, act.windows)
            # A descriptor that may not be fetched is refused before it is one, and what wraps in any case.
            fetched = golden.is_open(act.address, act.address + DESCRIPTOR_BYTES - 1, "read")
            code = act.memory[act.address : act.address + DESCRIPTOR_BYTES].tobytes()
            spans = regions(self.config, Descriptor.unpack(code))
            if fetched and all(last <= whole.limit for _, last, _ in spans):
                yield Unchecked(f"unchecked {act.name}", act)

    def forgotten(self, block: str, count: int) -> Iterator[Act]:
        """Programs in the midst of which a block forgets all, or other rows of it are read."""
        config, flags = self.config, int(Flag.RAW | Flag.TABLE)
        rows = min(config.sram.accumulator_rows, config.activation_words, 100)
        log2 = config.sram.column_panels.bit_length() - 1
        small = [(3, 2, 4 * self.r), (2, 2, 2 * self.r)]
        kinds: tuple[tuple[Sequence[Shape], tuple[int, int, int]], ...] = (
            (small, (2, 0, 1)),
            ([(rows, 1, self.r + 1)], (rows, 0, 0)),
            ([(1, self.c << log2, 1), (2, 1, 1)], (1, log2, 0)),
        )
        for i in range(count):
            shapes, tiling = kinds[i % len(kinds)]
            image = self.image(shapes, flags, tiling=tiling)
            memory = Memory(read_latency=FAST["read_latency"], write_latency=FAST["write_latency"])
            took = exact(config, image.descriptors, memory, image.address).cycles
            # Most of what is on chip is loaded, and summed, soon.
            after = int(self.rng.integers(10, max(11, (took, min(took, 400))[i // 3 % 2])))
            yield Forgotten(f"forgotten after {after}, {i}", image, block, after)
        for i in range(count // 3):
            image = self.image(small, flags, tiling=(3, 0, 1 + i % 2))
            bits = (1, 2, 3, 4, 5, 8, 16, 32, 64, 96)
            yield Forgotten(f"astray {i}", image, block, (0, 60, 300)[i % 3], bits[i % len(bits)])

    def stopped(self) -> Iterator[Act]:
        shape = [(2, self.c + 1, 2 * self.r + 1), (2, 2, self.r)]
        for how, moments in (
            ("doorbell", (3, 150)),
            ("reset", (20, 90, 180, 300)),
            ("context", (60, 240)),
            ("rst", (40, 200, 330)),
        ):
            for moment in moments:
                yield Stopped(
                    f"{how} after {moment}", self.image(shape, int(Flag.RAW)), how, moment
                )

    def between(self, acts: Iterator[Act], every: int) -> list[Act]:
        """With a small good program after every few."""
        found: list[Act] = []
        for i, act in enumerate(acts):
            found.append(act)
            if i % every == every - 1:
                flags = int(Flag.RAW | Flag.A_UNSIGNED)
                found += self.good(f"good {i}", [(2, 2, self.r + 1)], flags)
        return found
