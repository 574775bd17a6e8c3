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
    assert report.padded_macs is None


def test_padded_macs() -> None:
    """Rows that entered the array, a whole array of products each, less those asked for."""
    report = Report(macs=60, peak_macs=256, counters={"CYCLES": 64, "EXEC_BUSY": 3})
    assert report.padded_macs == 3 * 256 - 60
    assert Report(macs=512, peak_macs=256, counters={"EXEC_BUSY": 2}).padded_macs == 0
    # Of a program without a row, as of a device without counters, nothing is a division by zero.
    assert Report(macs=0, peak_macs=256, counters={"CYCLES": 0, "EXEC_BUSY": 0}).padded_macs == 0
