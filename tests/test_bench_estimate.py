# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the cycle model runs, and its arrays are what it says."""

import sys

import numpy as np
import pytest

import bench_estimate


def test_it_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a few arrays, with an answer for each step of each model."""
    monkeypatch.setattr(bench_estimate, "SMALL", 50)
    monkeypatch.setattr(sys, "argv", ["bench_estimate.py", "--arrays", "3", "--threads", "1"])
    bench_estimate.main()
    text = capsys.readouterr().out
    for step in ("prefill", "decode"):
        assert f"{step}: 3 arrays x " in text
        assert text.count(f" {step} ") == 10


def test_arrays() -> None:
    """All different, of one size, the same again from the same seed."""
    one, again = (bench_estimate.arrays(np.random.default_rng(7), 40) for _ in range(2))
    assert len(set(one)) == 40 and set(one) == set(again)
    assert {config.peak_macs for config in one} == {1024}
