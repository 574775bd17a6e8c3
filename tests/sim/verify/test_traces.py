# SPDX-License-Identifier: Apache-2.0
"""Waveforms of Icarus come where they are wanted, and nothing else is touched there."""

from pathlib import Path

import pytest

from matwright_sim.verify.traces import TraceError, clear, waveform


def test_what_a_simulation_leaves(tmp_path: Path) -> None:
    trace = tmp_path / "wave.fst"
    trace.touch()
    with pytest.raises(AssertionError, match="D differs"), waveform(trace, "top") as root:
        assert root is not None and root != tmp_path
        (root / "top").mkdir()
        (root / "top" / "top.fst").write_bytes(b"wave")
        raise AssertionError("D differs")
    assert trace.read_bytes() == b"wave" and not root.exists()
    assert list(tmp_path.iterdir()) == [trace]


def test_none_is_wanted() -> None:
    with waveform(None, "top") as root:
        assert root is None


@pytest.mark.parametrize("made", [False, True])
def test_a_simulation_that_leaves_none(tmp_path: Path, made: bool) -> None:
    trace = tmp_path / "wave.fst"
    trace.touch()
    with waveform(trace, "top") as root:
        assert root is not None
        if made:
            (root / "top").mkdir()
            (root / "top" / "top.fst").touch()
    assert not trace.exists()


def test_another_kind_of_file(tmp_path: Path) -> None:
    trace = tmp_path / "wave.vcd"
    trace.touch()
    with (
        pytest.raises(TraceError, match=r"a waveform of Icarus must end in .fst, not '.*wave.vcd'"),
        waveform(trace, "top"),
    ):
        pass
    assert not trace.exists()


def test_a_file_that_holds_something_stays(tmp_path: Path) -> None:
    trace = tmp_path / "wave.fst"
    trace.write_bytes(b"old")
    clear(trace)
    assert trace.read_bytes() == b"old"
