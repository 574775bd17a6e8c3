# SPDX-License-Identifier: Apache-2.0
"""The program builder: descriptors, fences, and what it refuses."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from golden_transport import GoldenTransport

from matwright import layout
from matwright.config import AcceleratorConfig, Limits, Precision
from matwright.presets import preset
from matwright.schedule.descriptor import Flag
from matwright_sw import program as program_module
from matwright_sw.driver import Driver
from matwright_sw.errors import OperandError
from matwright_sw.operands import Activations, Result, Weights
from matwright_sw.program import Program
from matwright_sw.search import choose
from matwright_sw.tiling import Tiling

SEED = 23
EDGE, WIDE = preset("edge"), preset("wide")
SIXTEEN = AcceleratorConfig(
    name="sixteen", rows=8, cols=8, precision=Precision(a_width=16), limits=Limits(max_k=255)
)
TALL = AcceleratorConfig(name="tall", rows=64, cols=4)
TWELVE = AcceleratorConfig(name="twelve", rows=12, cols=16)


def device(config: AcceleratorConfig = EDGE) -> Driver:
    return Driver(config, GoldenTransport(config))


def operands(driver: Driver, m: int, k: int, n: int) -> tuple[Activations, Weights]:
    rng = np.random.default_rng(SEED)
    return (
        driver.upload_a(rng.integers(-8, 8, (m, k))),
        driver.upload_b(rng.integers(-8, 8, (k, n))),
    )


def test_descriptor() -> None:
    driver = device()
    a, b = operands(driver, 5, 40, 30)
    table = driver.upload_table(np.arange(30), 0.5, n=30)
    program = driver.program()
    result = program.gemm(a, b, table=table, zero_point=200, relu=True, unsigned=True)
    (d,) = program.descriptors
    assert d.flags == Flag.TABLE | Flag.RELU | Flag.D_UNSIGNED
    assert (d.m, d.n, d.k, d.zero_point) == (5, 30, 40, 72)
    assert (d.a_addr, d.b_addr) == (a.buffer.address, b.buffer.address)
    assert (d.d_addr, d.params) == (result.buffer.address, table.buffer.address)
    assert (d.a_stride, d.b_stride, d.d_stride) == (48, 512, 32)
    cut = choose(EDGE, 5, 30, 40, table=True).tiling
    assert Tiling(d.tile_rows, d.n_panels_log2, d.k_panels_log2) == cut
    assert program.macs == 5 * 30 * 40
    assert program.pack() == d.pack()


def test_common_scale_is_in_the_descriptor() -> None:
    driver = device()
    a, b = operands(driver, 2, 3, 4)
    program = driver.program()
    program.gemm(a, b, scale=0.3)
    program.gemm(a, b)
    program.gemm(a, b, raw=True)
    assert [d.params for d in program.descriptors] == [
        layout.scale_word(0.3),
        layout.scale_word(1.0),
        0,
    ]
    assert program.descriptors[2].flags == Flag.RAW


def fences(program: Program) -> list[bool]:
    return [bool(d.flags & Flag.FENCE) for d in program.descriptors]


def test_fence_where_a_result_is_read() -> None:
    driver = device()
    a, b = operands(driver, 16, 32, 32)
    program = driver.program()
    first = program.gemm(a, b)
    program.gemm(a, b)
    program.gemm(first, b)
    # The fence has waited for both earlier results.
    program.gemm(first, b)
    assert fences(program) == [False, False, True, False]


def test_fence_after_a_fence() -> None:
    driver = device()
    a, b = operands(driver, 16, 32, 32)
    program = driver.program()
    x: Activations | Result = a
    for _ in range(4):
        x = program.gemm(x, b)
    assert fences(program) == [False, True, True, True]


def test_fence_where_a_result_is_overwritten() -> None:
    driver = device()
    a, b = operands(driver, 16, 32, 32)
    program = driver.program()
    first = program.gemm(a, b)
    program.gemm(a, b, relu=True, out=first)
    assert fences(program) == [False, True]


def test_fence_where_weights_or_table_are_a_result() -> None:
    """Operands are handles on memory: whatever lies there counts."""
    driver = device()
    a, b = operands(driver, 16, 32, 32)
    table = driver.upload_table(None, n=32)
    for used in (b, table):
        program = driver.program()
        result = Result(used.buffer, 1, 1, EDGE.bus.bytes, raw=False, unsigned=False)
        one, other = operands(driver, 1, 1, 1)
        program.gemm(one, other, out=result)
        program.gemm(a, b, table=table)
        assert fences(program) == [False, True]


def test_appended_descriptor_is_fenced_against() -> None:
    driver = device()
    a, b = operands(driver, 16, 32, 32)
    program = driver.program()
    first = program.gemm(a, b)
    other = driver.program()
    other.append(program.descriptors[0])
    other.gemm(a, b)
    other.gemm(first, b)
    assert fences(other) == [False, False, True]


def test_spans_are_joined() -> None:
    joined = program_module._joined
    assert joined([(0, 4), (8, 12)], (4, 8)) == [(0, 12)]
    assert sorted(joined([(0, 4), (8, 12)], (5, 6))) == [(0, 4), (5, 6), (8, 12)]
    assert joined([(0, 20)], (5, 6)) == [(0, 20)]


def test_result_reserves_what_a_next_gemm_reads() -> None:
    """A next GEMM reads whole panels of 64 elements, also of a D of 4 columns."""
    driver = device(TALL)
    a, b = operands(driver, 3, 5, 4)
    result = driver.program().gemm(a, b)
    assert (layout.d_stride(TALL, 4), layout.a_stride(TALL, 4)) == (8, 64)
    assert result.stride == 64
    assert result.buffer.size >= 3 * 64


def chain(config: AcceleratorConfig, n: int, *, raw: bool = False) -> None:
    driver = device(config)
    a, b = operands(driver, 2, 3, n)
    program = driver.program()
    program.as_activations(program.gemm(a, b, raw=raw))


def refused(**options: object) -> Callable[[], object]:
    """A call of ``gemm`` with these options on operands 4 x 5 and 5 x 6."""

    def call() -> None:
        driver = device()
        a, b = operands(driver, 4, 5, 6)
        made = {key: value(driver) if callable(value) else value for key, value in options.items()}
        a, b = made.pop("a", a), made.pop("b", b)
        driver.program().gemm(a, b, **made)  # type: ignore[arg-type]

    return call


def freed_a(driver: Driver) -> Activations:
    with driver.upload_a([[1, 2, 3, 4, 5]]) as a:
        return a


def result(driver: Driver, m: int, n: int, raw: bool = False) -> Result:
    a, b = operands(driver, m, 5, n)
    return driver.program().gemm(a, b, raw=raw)


def overlapping(driver: Driver) -> Result:
    """A result in the memory of the operands, which were the first to be uploaded."""
    whole = result(driver, 4, 6)
    first = driver.memory.allocate(1)
    first.address = 0
    return Result(first, 4, 6, whole.stride, raw=False, unsigned=False)


LAYOUTS_DIFFER = (
    "a result of 13 columns must be downloaded and uploaded again to be the a of a next GEMM, "
    "because twelve groups columns of a by 12 and of results by 16"
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            refused(b=lambda d: d.upload_b(np.zeros((7, 6), int))),
            "b must have 5 rows, the columns of a, not 7",
        ),
        (refused(a=freed_a), "a must still be in device memory, but was freed"),
        (
            refused(zero_point=128),
            "zero_point must be from -128 to 127, not 128",
        ),
        (
            refused(zero_point=-1, unsigned=True),
            "zero_point must be from 0 to 255, not -1",
        ),
        (
            refused(raw=True, zero_point=1),
            "a raw result must have zero_point 0 and be signed",
        ),
        (
            refused(raw=True, unsigned=True),
            "a raw result must have zero_point 0 and be signed",
        ),
        (
            refused(raw=True, scale=1.0),
            "scale must not be given for a raw result, which is not scaled",
        ),
        (
            refused(scale=0.5, table=lambda d: d.upload_table(None, n=6)),
            "scale must not be given beside a table, which has its own",
        ),
        (
            refused(table=lambda d: d.upload_table(None, n=7)),
            "table must have 6 columns, those of b, not 7",
        ),
        (refused(scale=-1.0), "scale must be positive and below 128.0, not -1.0"),
        (
            refused(tiling=Tiling(513, 0, 0)),
            f"tiling must fit the SRAM of edge, not {Tiling(513, 0, 0)}",
        ),
        (
            refused(out=lambda d: result(d, 4, 7)),
            "out must be 4 x 6 of int8, not 4 x 7 of int8",
        ),
        (
            refused(out=lambda d: result(d, 4, 6, raw=True)),
            "out must be 4 x 6 of int8, not 4 x 6 of int32",
        ),
        (
            refused(out=overlapping),
            "out must not overlap a, b or the table of the same GEMM",
        ),
        (
            lambda: chain(EDGE, 4, raw=True),
            "a result must be 8 bits wide to be the a of a next GEMM of 8-bit activations, not 32",
        ),
        (
            lambda: chain(SIXTEEN, 4),
            "a result must be 8 bits wide to be the a of a next GEMM of 16-bit activations, not 8",
        ),
        (
            lambda: chain(TWELVE, 13),
            LAYOUTS_DIFFER,
        ),
    ],
)
def test_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(OperandError, match=f"^{re.escape(message)}$"):
        call()


def test_chain_that_fits_one_panel_is_legal() -> None:
    chain(TWELVE, 12)
    chain(WIDE, 1000)


def test_refused_gemm_leaves_no_memory_taken() -> None:
    driver = device()
    a, b = operands(driver, 4, 5, 6)
    before = driver.memory.free_bytes
    program = driver.program()
    with pytest.raises(OperandError):
        program.gemm(a, b, zero_point=1000)
    assert driver.memory.free_bytes == before
    assert program.descriptors == ()


def test_too_many_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module, "MAX_DESCRIPTORS", 2)
    driver = device()
    a, b = operands(driver, 1, 1, 1)
    program = driver.program()
    program.gemm(a, b)
    program.gemm(a, b)
    before = driver.memory.free_bytes
    with pytest.raises(OperandError, match="^a program must have at most 2 descriptors$"):
        program.gemm(a, b)
    assert driver.memory.free_bytes == before
