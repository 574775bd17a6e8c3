# SPDX-License-Identifier: Apache-2.0
"""Random programs in a memory image, and the image that they leave, by NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matwright import layout
from matwright.config import AcceleratorConfig
from matwright.schedule.descriptor import DESCRIPTOR_BYTES, Descriptor, Flag

from ..reference import reference_gemm

__all__ = ["ProgramImage", "Region", "build_program", "random_tiling"]

_SCALE_LOG2 = (-18.0, 2.0)
_BIAS = 1 << 20
_GUARD = 64

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Region:
    """Bytes ``start`` to ``stop`` - 1, which are ``role`` (code, a, b, d, table) of a descriptor."""

    start: int
    stop: int
    role: str
    index: int


@dataclass
class ProgramImage:
    """A program, and memory before and after it."""

    address: int
    descriptors: list[Descriptor]
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
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

    def put(self, index: int, code: bytes) -> None:
        """Replace the bytes of a descriptor, in memory before and after."""
        start = self.address + DESCRIPTOR_BYTES * index
        for image in (self.before, self.after):
            image[start : start + DESCRIPTOR_BYTES] = np.frombuffer(code, np.uint8)


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


class _Builder:
    """Lays out one program."""

    def __init__(
        self, config: AcceleratorConfig, rng: np.random.Generator, memory_bytes: int, count: int
    ) -> None:
        self.config, self.rng = config, rng
        before = rng.integers(0, 256, memory_bytes, dtype=np.uint8)
        self.program = ProgramImage(0, [], before, before.copy())
        self.free = 0
        self.program.address = self.take(DESCRIPTOR_BYTES * count, "code", 0, DESCRIPTOR_BYTES)
        self.program.regions = [
            Region(start, start + DESCRIPTOR_BYTES, "code", index)
            for index in range(count)
            for start in [self.program.address + DESCRIPTOR_BYTES * index]
        ]

    def take(self, size: int, role: str, index: int, align: int) -> int:
        """A place of its own for ``size`` bytes."""
        gap = _GUARD + self.config.bus.bytes * int(self.rng.integers(8))
        start = -(-(self.free + gap) // align) * align
        self.free = start + size
        if self.free > self.program.before.size:
            raise ValueError(
                f"memory must hold the program, at least {self.free} bytes, "
                f"not {self.program.before.size}"
            )
        self.program.regions.append(Region(start, self.free, role, index))
        return start

    def place(self, data: NDArray[np.uint8], role: str, index: int) -> int:
        """A place of its own for ``data``."""
        start = self.take(data.size, role, index, self.config.bus.bytes)
        for image in (self.program.before, self.program.after):
            image[start : start + data.size] = data
        return start

    def stride(self, smallest: int) -> int:
        """The smallest legal stride, or a few beats more."""
        return smallest + self.config.bus.bytes * int(self.rng.integers(3))

    def add(self, shape: Shape, flags: int | None, dependent: bool) -> None:
        config, rng, program = self.config, self.rng, self.program
        precision, index = config.precision, len(program.descriptors)
        m, n, k = shape
        if flags is None:
            flags = sum(flag for flag in Flag if rng.random() < 0.4)
        raw, unsigned = bool(flags & Flag.RAW), bool(flags & Flag.A_UNSIGNED)
        earlier = program.descriptors[int(rng.integers(index))] if index and dependent else None
        relation = rng.integers(3)

        # A: what an earlier descriptor left, if that is large enough, or of its own.
        a_top = 1 << (precision.a_width - 1)
        a_addr = a_stride = a_room = 0
        if earlier is not None and relation == 1:
            a_addr, a_stride = earlier.d_addr, earlier.d_stride
            a_room = program.at(a_addr).stop - a_addr
        if (m - 1) * a_stride + layout.a_stride(config, k) <= a_room:
            flags |= Flag.FENCE
        else:
            low, high = (0, 2 * a_top) if unsigned else (-a_top, a_top)
            a_stride = self.stride(layout.a_stride(config, k))
            fresh = layout.pack_a(
                config, rng.integers(low, high, (m, k)), a_stride, unsigned=unsigned
            )
            a_addr = self.place(fresh, "a", index)
        stored = layout.unpack_a(config, program.after[a_addr:], m, k, a_stride, unsigned=unsigned)
        a = stored.astype(np.int64) - (a_top if unsigned else 0)

        b_top = 1 << (precision.b_width - 1)
        b = rng.integers(-b_top, b_top, (k, n))
        b_stride = self.stride(layout.b_stride(config, n))
        b_addr = self.place(layout.pack_b(config, b, b_stride), "b", index)

        bias: NDArray[np.int64] | int = 0
        words: NDArray[np.int64] | int
        if flags & Flag.TABLE:
            bias = rng.integers(-_BIAS, _BIAS, n)
            words = np.array([self.scale_word() for _ in range(n)])
            params = self.place(layout.pack_table(config, bias, words), "table", index)
        else:
            params = words = self.scale_word()
        zero_point = int(rng.integers(-128, 128))

        # D: over the result of an earlier descriptor, where stores must wait for FENCE, or over its
        # B, where the machine's own order will do; or of its own.
        d_stride = self.stride(layout.d_stride(config, n, raw))
        d_addr = d_room = 0
        if earlier is not None and relation == 2:
            d_addr = earlier.d_addr if rng.integers(2) else earlier.b_addr
            d_room = program.at(d_addr).stop - d_addr
        if m * d_stride <= d_room:
            if any(program.at(other.d_addr).start == d_addr for other in program.descriptors):
                flags |= Flag.FENCE
        else:
            d_addr = self.take(m * d_stride, "d", index, config.bus.bytes)

        tile_rows, n_log2, k_log2 = random_tiling(config, rng, m, n)
        descriptor = Descriptor(
            flags=flags,
            n_panels_log2=n_log2,
            k_panels_log2=k_log2,
            zero_point=zero_point,
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
        program.descriptors.append(descriptor)
        program.put(index, descriptor.pack())

        result = reference_gemm(
            a,
            b,
            bias=bias,
            words=None if raw else words,
            relu=bool(flags & Flag.RELU),
            zero_point=zero_point,
            unsigned=bool(flags & Flag.D_UNSIGNED) and not raw,
        )
        self.store(result, d_addr, d_stride, 4 if raw else 1)

    def scale_word(self) -> int:
        return layout.scale_word(float(2.0 ** self.rng.uniform(*_SCALE_LOG2)))

    def store(self, result: NDArray[np.int64], addr: int, stride: int, width: int) -> None:
        """Write the elements of D, and nothing else, into the image after."""
        config, (m, n) = self.config, result.shape
        column = np.arange(n)
        offset = (column // config.cols * config.col_pitch + column % config.cols) * width
        start = addr + np.arange(m)[:, None] * stride + offset
        for byte in range(width):
            self.program.after[start + byte] = (result >> 8 * byte & 0xFF).astype(np.uint8)


def build_program(
    config: AcceleratorConfig,
    rng: np.random.Generator,
    shapes: Sequence[Shape],
    *,
    memory_bytes: int,
    flags: int | None = None,
    dependent: bool = False,
) -> ProgramImage:
    """A program of one GEMM of each of ``shapes`` (M, N, K) in memory of random bytes.

    Tilings, strides, places, scales and, without ``flags``, all flags are random. With
    ``dependent`` some GEMMs read what an earlier one wrote, or write over its result or its B; FENCE
    is set where the reference asks for it.
    """
    builder = _Builder(config, rng, memory_bytes, len(shapes))
    for shape in shapes:
        builder.add(shape, flags, dependent)
    return builder.program
