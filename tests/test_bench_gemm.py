# SPDX-License-Identifier: Apache-2.0
"""The speeds that are promised, measured by the benchmark itself."""

from pathlib import Path

import pytest

import bench_gemm
from matwright.presets import preset
from matwright_sim.session import open_machine

LATENCY = bench_gemm.LATENCY


def measured(config: str, m: int, n: int, k: int, output: str) -> bench_gemm.Measurement:
    with open_machine(preset(config), memory_bytes=1 << 22, read_latency=LATENCY) as session:
        found = bench_gemm.measure(session, m, n, k, output)
    assert found.match
    assert found.cycles == found.counters["CYCLES"]
    assert found.cycles >= max(found.array_floor, found.bytes_floor)
    return found


def test_floor_of_the_array() -> None:
    """The figure of the specification; and one tile, by hand."""
    assert bench_gemm.array_floor(preset("edge"), 512, 512, 512) == 524_334
    assert bench_gemm.array_floor(preset("decode"), 1, 16, 16) == 4 + 1 + 30


@pytest.mark.parametrize("output", bench_gemm.MODES)
def test_large_gemm_on_edge_is_within_1_percent_of_the_floor(output: str) -> None:
    assert measured("edge", 512, 512, 512, output).ratio < 1.01


@pytest.mark.parametrize(("output", "most"), [("raw", 4300), ("int8", 4300), ("table", 4360)])
def test_matrix_by_vector_on_decode(output: str, most: int) -> None:
    assert measured("decode", 1, 512, 512, output).cycles <= most


def test_page_is_updated_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    begin, end = "<!-- bench_gemm begin -->\n", "<!-- bench_gemm end -->\n"
    page.write_text(f"before\n{begin}old\n{end}after\n")
    text = bench_gemm.markdown([])
    bench_gemm.update(page, text)
    assert page.read_text() == f"before\n{begin}{text}{end}after\n"
    assert text.count("\n") == 2
