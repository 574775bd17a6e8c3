# SPDX-License-Identifier: Apache-2.0
"""Random programs, a memory image for each, and the image that it leaves, by NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matwright import layout
from matwright.config import AcceleratorConfig, ceil_div
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Flag

from ..reference import reference_gemm

__all__ = [
    "NoRoomError",
    "Plan",
    "ProgramImage",
    "Region",
    "build_program",
    "plan_program",
    "random_tiling",
]

_SCALE_LOG2 = (-18.0, 2.0)
_BIAS = 1 << 20
_GUARD = 64

Shape = tuple[int, int, int]


class NoRoomError(ValueError):
    """Memory does not hold a program."""


@dataclass(frozen=True)
class Region:
    """Bytes ``start`` to ``stop`` - 1, which are ``role`` (code, a, b, d, table) of a descriptor."""

    start: int
    stop: int
    role: str
    index: int


@dataclass
class Plan:
    """A program, and where it and its operands stand."""

    address: int
    descriptors: list[Descriptor] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Number of descriptors."""
        return len(self.descriptors)

    def at(self, address: int) -> Region:
        """The region an address is in; KeyError if in none."""
        for region in self.regions:
            if region.start <= address < region.stop:
                return region
        raise KeyError(f"{address:#x} is in no region of the program")


@dataclass(kw_only=True)
class ProgramImage(Plan):
    """A program, and memory before and after it."""

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]

    def put(self, index: int, code: bytes) -> None:
        """Replace the bytes of a descriptor, in memory before and after."""
        self.place(self.address + DESCRIPTOR_BYTES * index, np.frombuffer(code, np.uint8))

    def place(self, start: int, data: NDArray[np.uint8]) -> None:
        """Replace bytes, in memory before and after."""
        for image in (self.before, self.after):
            image[start : start + data.size] = data


def random_tiling(
    config: AcceleratorConfig, rng: np.random.Generator, m: int, n: int
) -> tuple[int, int, int]:
    """``tile_rows``, ``n_panels_log2``, ``k_panels_log2``: any that pass the device's check."""
    per_word_log2 = config.panels_per_activation_word.bit_length() - 1
    words_log2 = config.activation_words.bit_length() - 1
    while True:
        n_log2 = int(rng.integers(config.sram.column_panels.bit_length()))
        k_log2 = per_word_log2 + int(rng.integers(min(words_log2, 15 - per_word_log2) + 1))
        tallest = min(
            config.sram.accumulator_rows >> n_log2,
            config.activation_words >> (k_log2 - per_word_log2),
            m + 1,
        )
        split = n > config.cols << n_log2
        if not split or config.col_pitch << n_log2 >= config.bus.bytes:
            return int(rng.integers(1, tallest + 1)), n_log2, k_log2


class _Planner:
    """Lays out one program."""

    def __init__(
        self, config: AcceleratorConfig, rng: np.random.Generator, memory_bytes: int, count: int
    ) -> None:
        self.config, self.rng, self.memory_bytes = config, rng, memory_bytes
        self.plan = Plan(0)
        self.free = 0
        self.plan.address = self.take(DESCRIPTOR_BYTES * count, "code", 0, DESCRIPTOR_BYTES)
        self.plan.regions = [
            Region(start, start + DESCRIPTOR_BYTES, "code", index)
            for index in range(count)
            for start in [self.plan.address + DESCRIPTOR_BYTES * index]
        ]

    def take(self, size: int, role: str, index: int, align: int) -> int:
        """A place of its own for ``size`` bytes."""
        gap = _GUARD + self.config.bus.bytes * int(self.rng.integers(8))
        start = -(-(self.free + gap) // align) * align
        self.free = start + size
        if self.free > self.memory_bytes:
            raise NoRoomError(
                f"memory must hold the program, at least {self.free} bytes, not {self.memory_bytes}"
            )
        self.plan.regions.append(Region(start, self.free, role, index))
        return start

    def stride(self, smallest: int) -> int:
        """The smallest legal stride, or a few beats more."""
        return smallest + self.config.bus.bytes * int(self.rng.integers(3))

    def scale_word(self) -> int:
        return layout.scale_word(float(2.0 ** self.rng.uniform(*_SCALE_LOG2)))

    def add(self, shape: Shape, flags: int | None, dependent: bool, chain: bool) -> None:
        config, rng, plan = self.config, self.rng, self.plan
        index, beat = plan.count, config.bus.bytes
        m, n, k = shape
        if flags is None:
            flags = sum(flag for flag in Flag if rng.random() < 0.4)
        raw = bool(flags & Flag.RAW)
        earlier, relation = None, 0
        if index and chain:
            earlier, relation = plan.descriptors[-1], 1
        elif index and dependent:
            earlier, relation = plan.descriptors[int(rng.integers(index))], int(rng.integers(3))

        # A: what an earlier descriptor left, if that is large enough, or of its own.
        a_addr = a_stride = a_room = 0
        if earlier is not None and relation == 1:
            a_addr, a_stride = earlier.d_addr, earlier.d_stride
            a_room = plan.at(a_addr).stop - a_addr
        if (m - 1) * a_stride + layout.a_stride(config, k) <= a_room:
            flags |= Flag.FENCE
        else:
            a_stride = self.stride(layout.a_stride(config, k))
            a_addr = self.take(m * a_stride, "a", index, beat)

        b_stride = self.stride(layout.b_stride(config, n))
        b_addr = self.take(ceil_div(k, config.rows) * b_stride, "b", index, beat)
        if flags & Flag.TABLE:
            params = self.take(layout.table_bytes(config, n), "table", index, beat)
        else:
            params = self.scale_word()

        # D: over the result of an earlier descriptor, where stores must wait for FENCE, or over its
        # B, where the machine's own order will do; or of its own.
        smallest = layout.d_stride(config, n, raw)
        if chain:
            smallest = max(smallest, layout.a_stride(config, n))
        d_stride = self.stride(smallest)
        d_addr = d_room = 0
        if earlier is not None and relation == 2:
            d_addr = earlier.d_addr if rng.integers(2) else earlier.b_addr
            d_room = plan.at(d_addr).stop - d_addr
        if m * d_stride <= d_room:
            if any(plan.at(other.d_addr).start == d_addr for other in plan.descriptors):
                flags |= Flag.FENCE
        else:
            d_addr = self.take(m * d_stride, "d", index, beat)

        tile_rows, n_log2, k_log2 = random_tiling(config, rng, m, n)
        descriptor = Descriptor(
            flags=flags,
            n_panels_log2=n_log2,
            k_panels_log2=k_log2,
            zero_point=int(rng.integers(-128, 128)),
            m=m,
            n=n,
            k=k,
            tile_rows=tile_rows,
            a_stride=a_stride,
            b_stride=b_stride,
            d_stride=d_stride,
            a_addr=a_addr,
            b_addr=b_addr,
            d_addr=d_addr,
            params=params,
        )
        plan.descriptors.append(descriptor)


def plan_program(
    config: AcceleratorConfig,
    rng: np.random.Generator,
    shapes: Sequence[Shape],
    *,
    memory_bytes: int,
    flags: int | None = None,
    dependent: bool = False,
    chain: bool = False,
) -> Plan:
    """A program of one GEMM of each of ``shapes`` (M, N, K), all of it below ``memory_bytes``.

    Tilings, strides, places, scales and, without ``flags``, all flags are random. With
    ``dependent`` some GEMMs read what an earlier one wrote, or write over its result or its B; FENCE
    is set where the reference asks for it. With ``chain`` each reads the result of the one before, if
    that is large enough.
    """
    planner = _Planner(config, rng, memory_bytes, len(shapes))
    for shape in shapes:
        planner.add(shape, flags, dependent, chain)
    return planner.plan


def build_program(
    config: AcceleratorConfig,
    rng: np.random.Generator,
    shapes: Sequence[Shape],
    *,
    memory_bytes: int,
    flags: int | None = None,
    dependent: bool = False,
    chain: bool = False,
) -> ProgramImage:
    """A program of :func:`plan_program` in memory of random bytes, with random operands."""
    plan = plan_program(
        config,
        rng,
        shapes,
        memory_bytes=memory_bytes,
        flags=flags,
        dependent=dependent,
        chain=chain,
    )
    before = rng.integers(0, 256, memory_bytes, dtype=np.uint8)
    image = ProgramImage(**vars(plan), before=before, after=before.copy())
    own = {(region.role, region.index) for region in plan.regions}
    for index, descriptor in enumerate(plan.descriptors):
        image.put(index, descriptor.pack())
        _compute(config, rng, image, descriptor, fresh_a=("a", index) in own)
    return image


def _compute(
    config: AcceleratorConfig,
    rng: np.random.Generator,
    image: ProgramImage,
    d: Descriptor,
    *,
    fresh_a: bool,
) -> None:
    """Make the operands of a descriptor, and put its result into the image after."""
    precision = config.precision
    raw, unsigned = bool(d.flags & Flag.RAW), bool(d.flags & Flag.A_UNSIGNED)
    a_top, b_top = 1 << (precision.a_width - 1), 1 << (precision.b_width - 1)
    if fresh_a:
        low, high = (0, 2 * a_top) if unsigned else (-a_top, a_top)
        fresh = rng.integers(low, high, (d.m, d.k))
        image.place(d.a_addr, layout.pack_a(config, fresh, d.a_stride, unsigned=unsigned))
    stored = layout.unpack_a(
        config, image.after[d.a_addr :], d.m, d.k, d.a_stride, unsigned=unsigned
    )
    a = stored.astype(np.int64) - (a_top if unsigned else 0)
    b = rng.integers(-b_top, b_top, (d.k, d.n))
    image.place(d.b_addr, layout.pack_b(config, b, d.b_stride))
    bias: NDArray[np.int64] | int = 0
    words: NDArray[np.int64] | int = d.params
    if d.flags & Flag.TABLE:
        bias = rng.integers(-_BIAS, _BIAS, d.n)
        scales = 2.0 ** rng.uniform(*_SCALE_LOG2, d.n)
        words = np.array([layout.scale_word(float(scale)) for scale in scales])
        image.place(d.params, layout.pack_table(config, bias, words))
    result = reference_gemm(
        a,
        b,
        bias=bias,
        words=None if raw else words,
        relu=bool(d.flags & Flag.RELU),
        zero_point=d.zero_point,
        unsigned=bool(d.flags & Flag.D_UNSIGNED) and not raw,
        width=precision.acc_width,
    )
    _store(config, image.after, result, d, 4 if raw else 1)


def _store(
    config: AcceleratorConfig,
    after: NDArray[np.uint8],
    result: NDArray[np.int64],
    d: Descriptor,
    width: int,
) -> None:
    """Write the elements of D, and nothing else."""
    column = np.arange(d.n)
    offset = (column // config.cols * config.col_pitch + column % config.cols) * width
    start = d.d_addr + np.arange(d.m)[:, None] * d.d_stride + offset
    for byte in range(width):
        after[start + byte] = (result >> 8 * byte & 0xFF).astype(np.uint8)
