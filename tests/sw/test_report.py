# SPDX-License-Identifier: Apache-2.0
"""Figures of a program."""

from matwright_sw.report import Report


def test_utilization() -> None:
    report = Report(macs=512, peak_macs=16, counters={"CYCLES": 64})
    assert report.cycles == 64
    assert report.utilization == 0.5


def test_without_counters() -> None:
    report = Report(macs=512, peak_macs=16)
    assert report.cycles is None
    assert report.utilization is None
