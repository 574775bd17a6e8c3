# SPDX-License-Identifier: Apache-2.0
"""The golden machine: whole programs, every check in its order, and what it leaves alone."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matwright import layout
from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.schedule.descriptor import Descriptor, Error, Flag
from matwright_sim.golden.gemm import gemm
from matwright_sim.golden.machine import GoldenMachine, check

SIZE = 1 << 16


def _config(rows: int = 6, cols: int = 5, load_rows: int = 2, **widths: int) -> AcceleratorConfig:
    return AcceleratorConfig(
        rows=rows,
        cols=cols,
        load_rows=load_rows,
        precision=Precision(**({"a_width": 8, "b_width": 8, "acc_width": 32} | widths)),
        sram=Sram(activation_rows=64, weight_tiles=8, accumulator_rows=32, column_panels=4),
        bus=Bus(data_width=64, addr_width=17),
        limits=Limits(max_m=1000, max_n=1000, max_k=1),
        build=Build(post_lanes=1),
    )


def _deep(config: AcceleratorConfig) -> AcceleratorConfig:
    deepest = min(1000, config.precision.max_depth)
    return dataclasses.replace(config, limits=Limits(max_m=1000, max_n=1000, max_k=deepest))


CONFIG = _deep(_config())


def _descriptor(**changes: Any) -> Descriptor:
    """A legal descriptor for CONFIG, with changes."""
    fields: dict[str, Any] = {
        "m": 3,
        "n": 7,
        "k": 11,
        "tile_rows": 3,
        "a_stride": layout.a_stride(CONFIG, 11),
        "b_stride": layout.b_stride(CONFIG, 7),
        "d_stride": layout.d_stride(CONFIG, 7, True),
        "a_addr": 0x1000,
        "b_addr": 0x2000,
        "d_addr": 0x3000,
        "params": 1 << 20,
    }
    return Descriptor(**fields | changes)


def _image(*parts: tuple[int, Any], size: int = SIZE, seed: int = 0) -> Any:
    """Memory of random bytes with ``parts`` in it."""
    memory = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    for addr, data in parts:
        data = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
        memory[addr : addr + data.size] = data
    return memory


@pytest.mark.parametrize("flags", [0, 2, 4, 8 | 4, 16 | 32 | 4, 16 | 2 | 4 | 8, 1 | 32])
@pytest.mark.parametrize("widths", [(8, 8), (5, 3), (16, 12)])
def test_programs(flags: int, widths: tuple[int, int]) -> None:
    """Three GEMMs, the third on the result of the first; nothing but the elements of D changes."""
    seed = 10 * flags + widths[0]
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    config = _deep(_config(a_width=widths[0], b_width=widths[1]))
    raw, half_a, half_b = bool(flags & Flag.RAW), 2 ** (widths[0] - 1), 2 ** (widths[1] - 1)
    parts: list[tuple[int, Any]] = []
    expected: list[tuple[int, Any, int]] = []
    for index in range(3):
        m, n, k = (int(x) for x in rng.integers(1, 20, 3))
        base = 0x4000 * (index + 1)
        unsigned = bool(flags & Flag.A_UNSIGNED)
        a = rng.integers(-half_a, half_a, (m, k)) + (half_a if unsigned else 0)
        b = rng.integers(-half_b, half_b, (k, n))
        bias, words = rng.integers(-1000, 1000, n), rng.integers(2**26, 2**27, n) + (12 << 27)
        a_stride, b_stride = layout.a_stride(config, k) + 8, layout.b_stride(config, n) + 8
        d_stride = layout.d_stride(config, n, raw) + 16
        zero_point = int(rng.integers(-128, 128))
        table = bool(flags & Flag.TABLE)
        descriptor = Descriptor(
            flags=flags,
            m=m,
            n=n,
            k=k,
            tile_rows=2,
            n_panels_log2=1,
            a_stride=a_stride,
            b_stride=b_stride,
            d_stride=d_stride,
            a_addr=base,
            b_addr=base + 0x1000,
            d_addr=base + 0x2000,
            params=base + 0x3800 if table else int(words[0]),
            zero_point=zero_point,
        )
        parts += [
            (64 * index + 0x80, descriptor.pack()),
            (base, layout.pack_a(config, a, a_stride, unsigned=unsigned)),
            (base + 0x1000, layout.pack_b(config, b, b_stride)),
        ]
        if table:
            parts.append((base + 0x3800, layout.pack_table(config, bias, words)))
        d = gemm(
            config.precision,
            a,
            b,
            bias=bias if table else None,
            scale_words=words if table else words[0],
            zero_point=zero_point,
            raw=raw,
            relu=bool(flags & Flag.RELU),
            a_unsigned=unsigned,
            d_unsigned=bool(flags & Flag.D_UNSIGNED),
        )
        expected.append((base + 0x2000, d, d_stride))
    memory = _image(*parts, size=1 << 17)
    before = memory.copy()
    assert GoldenMachine(config, memory).run(0x80, 3) == (3, Error.NONE, 0, 0)
    size = 4 if raw else 1
    for addr, d, stride in expected:
        for row, column in np.ndindex(*d.shape):
            offset = (column // config.cols * config.col_pitch + column % config.cols) * size
            at = addr + row * stride + offset
            word = int(d[row, column]) % 2 ** (8 * size)
            assert memory[at : at + size].tobytes() == word.to_bytes(size, "little")
            before[at : at + size] = memory[at : at + size]
    assert np.array_equal(memory, before)


def test_results_feed_later_descriptors() -> None:
    """D of the first is A of the second."""
    config = _deep(_config(8, 8, 1))
    rng = np.random.default_rng(1)
    a, b, c = (rng.integers(-128, 128, shape) for shape in ((4, 8), (8, 8), (8, 8)))
    word = layout.scale_word(0.002)
    common: dict[str, Any] = {"m": 4, "n": 8, "k": 8, "tile_rows": 4, "params": word}
    common |= {"a_stride": 8, "b_stride": 64, "d_stride": 8}
    first = Descriptor(a_addr=0x1000, b_addr=0x2000, d_addr=0x3000, **common)
    second = Descriptor(flags=1, a_addr=0x3000, b_addr=0x2800, d_addr=0x4000, **common)
    memory = _image(
        (0, first.pack() + second.pack()),
        (0x1000, layout.pack_a(config, a)),
        (0x2000, layout.pack_b(config, b)),
        (0x2800, layout.pack_b(config, c)),
    )
    assert GoldenMachine(config, memory).run(0, 2).completed == 2
    middle = gemm(config.precision, a, b, scale_words=word)
    d = gemm(config.precision, middle, c, scale_words=word)
    assert np.array_equal(layout.unpack_d(config, memory[0x4000:], 4, 8, 8), d)


CHECKS: list[tuple[Error, dict[str, Any]]] = [
    (Error.OPCODE, {"opcode": 0}),
    (Error.OPCODE, {"opcode": 2, "m": 0}),
    (Error.SIZE, {"m": 0}),
    (Error.SIZE, {"n": 0, "tile_rows": 0}),
    (Error.SIZE, {"k": 0}),
    (Error.SIZE, {"m": 1001}),
    (Error.SIZE, {"n": 1001}),
    (Error.SIZE, {"k": 1001}),
    (Error.TILE, {"tile_rows": 0, "a_addr": 1}),
    (Error.TILE, {"n_panels_log2": 3}),
    (Error.TILE, {"tile_rows": 33}),
    (Error.TILE, {"tile_rows": 17, "n_panels_log2": 1}),
    (Error.TILE, {"tile_rows": 17, "k_panels_log2": 1}),
    (Error.TILE, {"tile_rows": 1, "k_panels_log2": 6}),
    *((Error.ALIGNMENT, {name: 0x1004}) for name in ("a_addr", "b_addr", "d_addr")),
    *((Error.ALIGNMENT, {name: 4}) for name in ("a_stride", "b_stride", "d_stride")),
    (Error.ALIGNMENT, {"params": 4, "flags": Flag.TABLE}),
    (Error.ALIGNMENT, {"a_addr": (1 << 17) + 4}),
    *((Error.ADDRESS, {name: 1 << 17}) for name in ("a_addr", "b_addr", "d_addr")),
    (Error.ADDRESS, {"params": 1 << 17, "flags": Flag.TABLE}),
]

LEGAL: list[dict[str, Any]] = [
    {},
    {"m": 1000, "n": 1000, "k": 1000},
    {"tile_rows": 32},
    {"tile_rows": 16, "n_panels_log2": 1, "k_panels_log2": 1},
    {"tile_rows": 1, "k_panels_log2": 5, "n_panels_log2": 2},
    {"params": 4},
    {"params": (1 << 48) - 1},
    {"a_stride": 0, "d_addr": (1 << 17) - 8},
]


@pytest.mark.parametrize(("error", "changes"), CHECKS)
def test_checks(error: Error, changes: dict[str, Any]) -> None:
    assert check(CONFIG, _descriptor(**changes).pack()) == error


@pytest.mark.parametrize("changes", LEGAL)
def test_what_is_legal(changes: dict[str, Any]) -> None:
    assert check(CONFIG, _descriptor(**changes).pack()) == Error.NONE


def test_reserved_bits_come_after_opcode_and_before_size() -> None:
    for bit in (14, 15, 32 * 4 + 16, 32 * 9 + 16, 511):
        word = int.from_bytes(_descriptor(m=0).pack(), "little") | 1 << bit
        assert check(CONFIG, word.to_bytes(64, "little")) == Error.RESERVED
        assert check(CONFIG, (word & ~0xFF).to_bytes(64, "little")) == Error.OPCODE


def test_panels_of_a_beat() -> None:
    """A panel smaller than a beat: chunks and column blocks are whole beats."""
    config = dataclasses.replace(_deep(_config(4, 4, 1)), bus=Bus(data_width=128, addr_width=17))
    make: Callable[..., bytes] = lambda **c: _descriptor(  # noqa: E731
        **{"a_stride": 16, "b_stride": 64, "d_stride": 32, "n": 4, "n_panels_log2": 2} | c
    ).pack()
    assert check(config, make(k_panels_log2=2)) == Error.NONE
    assert check(config, make(k_panels_log2=1)) == Error.TILE
    assert check(config, make(k_panels_log2=2, n=17)) == Error.NONE
    assert check(config, make(k_panels_log2=2, n_panels_log2=1, n=8)) == Error.NONE
    assert check(config, make(k_panels_log2=2, n_panels_log2=1, n=9)) == Error.TILE
    # 64 rows, four panels a word, two halves: 8 words.
    assert check(config, make(k_panels_log2=2, tile_rows=8)) == Error.NONE
    assert check(config, make(k_panels_log2=2, tile_rows=9)) == Error.TILE
    assert check(config, make(k_panels_log2=3, tile_rows=5)) == Error.TILE


def test_an_error_stops_the_program() -> None:
    good, bad = _descriptor(flags=Flag.RAW), _descriptor(k=0)
    later = _descriptor(flags=Flag.RAW, d_addr=0x8000)
    memory = _image((0x40, good.pack() + bad.pack() + later.pack()))
    before = memory.copy()
    outcome = GoldenMachine(CONFIG, memory).run(0x40, 3)
    assert outcome == (1, Error.SIZE, 1, 0x80)
    assert np.array_equal(memory[0x8000:], before[0x8000:])


@pytest.mark.parametrize(
    ("changes", "error", "addr"),
    [
        ({"a_addr": SIZE}, Error.READ_RESPONSE, SIZE),
        ({"a_addr": SIZE - 16, "m": 1}, Error.NONE, 0),
        ({"a_addr": SIZE - 8, "m": 1}, Error.READ_RESPONSE, SIZE),
        ({"a_stride": SIZE, "m": 2}, Error.READ_RESPONSE, SIZE + 0x1000),
        ({"b_addr": SIZE - 96}, Error.READ_RESPONSE, SIZE),
        ({"flags": Flag.TABLE, "params": SIZE - 64}, Error.READ_RESPONSE, SIZE),
        ({"flags": Flag.TABLE, "params": SIZE - 128}, Error.NONE, 0),
        ({"d_addr": SIZE - 24, "m": 1}, Error.NONE, 0),
        ({"d_addr": SIZE - 8, "m": 1}, Error.WRITE_RESPONSE, SIZE),
    ],
)
def test_bus_errors(changes: dict[str, Any], error: Error, addr: int) -> None:
    memory = _image((0x40, _descriptor(**changes).pack()))
    before = memory.copy()
    outcome = GoldenMachine(CONFIG, memory).run(0x40, 1)
    assert outcome == (int(error == Error.NONE), error, 0, addr)
    assert np.array_equal(memory, before) == (error != Error.NONE)


def test_a_descriptor_outside_of_memory() -> None:
    outcome = GoldenMachine(CONFIG, _image()).run(SIZE, 1)
    assert outcome == (0, Error.READ_RESPONSE, 0, SIZE)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"^count must be at least 0, not -1$"):
        GoldenMachine(CONFIG, _image()).run(0, -1)
    signed: Any = np.zeros(4, np.int8)
    with pytest.raises(
        TypeError, match=r"^memory must be a flat uint8 array, not int8 of shape \(4,\)$"
    ):
        GoldenMachine(CONFIG, signed)


def test_program_address() -> None:
    """Checked before the first fetch; a program without descriptors fetches nothing."""
    machine = GoldenMachine(CONFIG, _image())
    assert machine.run(0x20, 1) == (0, Error.ALIGNMENT, 0, 0x20)
    beyond = 1 << CONFIG.bus.addr_width
    assert machine.run(beyond, 1) == (0, Error.ADDRESS, 0, 0)
    assert machine.run(0x20, 0) == (0, Error.NONE, 0, 0)
