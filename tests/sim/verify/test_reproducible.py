# SPDX-License-Identifier: Apache-2.0
"""The check that files are made alike: it passes, and a difference or a lie about a version is told."""

import os
import sys
from pathlib import Path

import pytest

from matwright.presets import PRESETS
from matwright_sim.verify import reproducible
from matwright_sim.verify.check import NotRun, Task

TINY = PRESETS["tiny"]


def script(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


def test_all_files_are_made_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproducible, "pythons", lambda: ([], ["python3.99 was not compared."]))
    outcome = reproducible.CHECK.run(Task(TINY, tmp_path))
    assert outcome.passed, outcome.failures
    figures = {figure.name: figure.value for figure in outcome.figures}
    assert figures["times made"] == 2 and figures["files"] == 4
    assert "python3.99 was not compared." in outcome.notes


def test_a_difference_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(task: Task, making: reproducible.Making, number: int) -> dict[str, bytes]:
        return {"tiny.v": task.verilog.encode(), "tiny.h": b"one\ntwo\n" if number else b"one\n2\n"}

    monkeypatch.setattr(reproducible, "pythons", lambda: ([], []))
    monkeypatch.setattr(reproducible, "make", make)
    outcome = reproducible.CHECK.run(Task(TINY, tmp_path))
    assert not outcome.passed
    (failure,) = outcome.failures
    assert failure.what.startswith("tiny.h by Python") and "line 2 is 'two'" in failure.what
    assert failure.case is not None and failure.case["hash_seed"] == 42
    assert reproducible.CHECK.replay is not None
    assert reproducible.CHECK.replay(Task(TINY, tmp_path), failure.case, None).passed


def test_a_python_that_fails_is_a_failure(tmp_path: Path) -> None:
    script(tmp_path / "broken", "echo it is broken >&2", "exit 3")
    making = reproducible.Making(str(tmp_path / "broken"), "3.12.0", False, 0, 0)
    with pytest.raises(RuntimeError, match="it is broken"):
        reproducible.make(Task(TINY, tmp_path), making, 0)


def test_a_python_that_is_gone(tmp_path: Path) -> None:
    """Its case cannot be replayed, which says nothing of the files; one that no system starts is told."""
    making = reproducible.Making(str(tmp_path / "gone"), "3.12.0", False, 0, 0)
    assert reproducible.CHECK.replay is not None
    with pytest.raises(NotRun, match="/gone, the Python 3.12.0 that made the files, is not there"):
        reproducible.CHECK.replay(Task(TINY, tmp_path), vars(making), None)
    with pytest.raises(RuntimeError, match="gone cannot be run: No such file or directory"):
        reproducible.make(Task(TINY, tmp_path), making, 0)


def test_other_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = f"python3.{sys.version_info.minor}"
    for name, version in (("python3.10", "3.10.1"), (own, "3.11.1"), ("python3.97", "3.97.1")):
        script(tmp_path / name, f"echo {version}")
    script(tmp_path / "python3.98", "exit 127")
    script(tmp_path / "python3.99", 'case "$2" in *amaranth*) exit 1;; esac', "echo 3.99.5")
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + "/bin")
    monkeypatch.setattr(reproducible, "_EVERY", r"python3\.(10|11|9[789])")
    found, notes = reproducible.pythons()
    assert found == [(str(tmp_path / "python3.99"), "3.99.5", True)]
    assert [note.split(",")[0] for note in notes] == [
        "python3.97 has Amaranth of no version that it tells",
        "python3.98 is on PATH but does not run",
    ]


def test_the_shell_of_numpy_computes_nothing() -> None:
    names: dict[str, object] = {}
    before = {name: module for name, module in sys.modules.items() if name.startswith("numpy")}
    try:
        exec(reproducible._SHELL, names)  # the very text that the process runs
        import numpy as empty

        assert empty.uint8 | None
        with pytest.raises(RuntimeError, match="NumPy is not there"):
            empty.zeros(3)
    finally:
        sys.modules.update(before)
