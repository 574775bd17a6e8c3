# SPDX-License-Identifier: Apache-2.0
"""Rows of results: metrics, status and reason, and the front."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from matwright_sim.sweep import Results, Sweep, make_points
from matwright_sim.sweep.measure import Measured
from matwright_sim.sweep.results import collate

MadeUp = Callable[..., Results]


def test_metrics_follow_from_cycles(small: dict[str, Any], made_up: MadeUp) -> None:
    sweep = Sweep.from_dict(small)
    results = made_up(sweep)
    assert results.counts == {"ok": 10, "failed": 0, "illegal": 2}
    for point, row, cycles in zip(results.points, results.rows, results.cycles, strict=True):
        if point.config is None:
            assert (row["status"], row["reason"], row["a.cycles"]) == (
                "illegal",
                point.reason,
                None,
            )
            continue
        assert cycles is not None
        each = dict(zip(sweep.shapes, cycles, strict=True))
        a, x, b = (
            next(s for s in each if (s.m, s.raw) == kind)
            for kind in ((3, False), (1, False), (3, True))
        )
        assert row["a.cycles"] == each[a] + 5 * each[x]
        assert row["b.cycles"] == each[b]
        assert row["a.macs"] == 3 * 20 * 9 + 5 * 8 * 30
        assert row["a.utilization"] == row["a.macs"] / (row["a.cycles"] * point.config.peak_macs)
        assert row["peak_macs"] == point.config.rows * point.config.cols == row["multipliers"] - 1
        assert row["sram_bytes"] == sum(point.config.sram_bytes.values())
        assert row["config_sha256"] == point.config.digest
    assert len(list(results.gemms())) == 10 * 3


@pytest.mark.parametrize(
    "metrics",
    [
        ("multipliers", "a.cycles"),
        ("a.cycles", "b.cycles", "b.utilization"),
        ("b.cycles",),
    ],
)
def test_the_front_is_what_nothing_beats(
    metrics: tuple[str, ...], small: dict[str, Any], made_up: MadeUp
) -> None:
    for seed in range(20):
        results = made_up(Sweep.from_dict(small), seed)
        rows = [row for row in results.rows if row["status"] == "ok"]

        def cost(row: Any) -> list[float]:
            return [-row[m] if m.endswith("utilization") else row[m] for m in metrics]

        beaten = {
            b["point"]
            for a, b in itertools.permutations(rows, 2)
            if cost(a) != cost(b) and all(p <= q for p, q in zip(cost(a), cost(b), strict=True))
        }
        front = results.front(*metrics)
        assert {row["point"] for row in front} == {row["point"] for row in rows} - beaten
        assert [cost(row) for row in front] == sorted(cost(row) for row in front)


def test_the_verilog_must_agree(small: dict[str, Any]) -> None:
    sweep = Sweep.from_dict(small | {"metrics": {"rtl": {"max_macs": 300}}})
    assert [(s.m, s.n, s.k) for s in sweep.rtl_shapes] == [(1, 8, 30)]
    legal = [point.number for point in make_points(sweep) if point.config is not None]
    model = {number: Measured([100, 200, 300]) for number in legal}
    rtl = {
        legal[0]: Measured([100]),
        legal[1]: Measured([101]),
        legal[2]: Measured(reason="no tool", lasting=False),
        legal[3]: Measured(reason="the result differs", lasting=True),
    }
    results = collate(sweep, make_points(sweep), {"model": model, "rtl": rtl, "synth": {}})
    rows = [results.rows[number] for number in legal[:5]]
    assert [row["status"] for row in rows] == ["ok", "failed", "failed", "failed", "ok"]
    assert [row["rtl_gemms"] for row in rows] == [1, None, None, None, None]
    assert rows[1]["reason"] == "the Verilog takes 101 cycles for 1,8,30, the model says 100"
    assert rows[2]["reason"] == "on the Verilog: no tool"
    assert results.disagreements == 2


def test_synthesis_tells_the_time(small: dict[str, Any], made_up: MadeUp) -> None:
    device = {"family": "ecp5", "device": "85k"}
    sweep = Sweep.from_dict(small | {"metrics": {"synth": device}})
    legal = [point.number for point in make_points(sweep) if point.config is not None]
    synth = {
        legal[0]: Measured({"fmax_mhz": 100.0, "comb": 5, "ff": 6, "dsp": 7, "bram": 8}),
        legal[1]: Measured(reason="it must fit"),
    }
    results = made_up(sweep, synth=synth)
    row, other = results.rows[legal[0]], results.rows[legal[1]]
    assert row["a.ms"] == pytest.approx(row["a.cycles"] / 100e3)
    assert (row["comb"], row["dsp"], row["status"]) == (5, 7, "ok")
    assert (other["status"], other["reason"]) == ("failed", "synthesis: it must fit")
    assert other["a.cycles"] is not None
    assert "spram" not in row and results.reasons[-1][2] == 1
