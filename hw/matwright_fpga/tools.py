# SPDX-License-Identifier: Apache-2.0
"""Yosys, nextpnr and what packs bitstreams: where they are, which versions, how they are called.

A native tool on ``PATH`` is taken if it is new enough, else the YoWASP one, which pip installs. The
latter sees no files but those below its working folder, so every tool is run in the folder of its
files, which have relative names.
"""

import contextlib
import functools
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .errors import ToolError

__all__ = ["MINIMUM", "Run", "Tool", "find_tool", "run", "stop"]

MINIMUM = {"yosys": (0, 40), "nextpnr": (0, 7)}
"""First versions that do what is asked of them here; older native ones are passed over."""

_EXTRA = "pip install 'matwright[fpga]'"

_ERROR = re.compile(r"(?:ERROR|Error): *(.*\S)")

_BESIDE = {
    "ecppack": "nextpnr-ecp5",
    "ecppll": "nextpnr-ecp5",
    "icepack": "nextpnr-ice40",
    "icepll": "nextpnr-ice40",
}
"""Tools that come in the YoWASP package of another."""


@dataclass(frozen=True)
class Tool:
    """A program and the words for its version."""

    name: str
    executable: Path
    version: str


class Run(NamedTuple):
    """What a run of a tool took."""

    seconds: float
    cpu_seconds: float


@functools.cache
def find_tool(name: str) -> Tool:
    """The tool called ``name``, such as ``yosys``; raises :class:`ToolError`."""
    lowest = MINIMUM.get(name.split("-")[0])
    too_old = ""
    for native in (name, *(["nextpnr-himbaechel"] if name == "nextpnr-himbaechel-gowin" else [])):
        found = shutil.which(native)
        if found is None:
            continue
        version = _version(Path(found))
        if lowest is None or (_numbers(version) or (0,)) >= lowest:
            return Tool(name, Path(found), version)
        too_old = f" (the one on PATH is {version}; it must be {_dotted(lowest)} or newer)"
    wheel = f"yowasp-{name}"
    beside = Path(sys.executable).parent / wheel
    if os.access(beside, os.X_OK):
        version = _wheel_version(name) or _version(beside)
        return Tool(name, beside, f"{version} (YoWASP)")
    found = shutil.which(wheel)
    if found is not None:
        return Tool(name, Path(found), f"{_version(Path(found))} (YoWASP)")
    raise ToolError(f"{name} is missing{too_old}; install it with: {_EXTRA}")


def _wheel_version(name: str) -> str:
    """Version of the YoWASP package that brings the tool: quicker than asking the tool."""
    package = _BESIDE.get(name, name)
    try:
        return importlib.metadata.version(f"yowasp-{package}")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _version(executable: Path) -> str:
    """What the tool says its version is; ``unknown`` if it says nothing of the kind."""
    for option in ("--version", "-V"):
        try:
            done = subprocess.run(
                [str(executable), option], capture_output=True, text=True, check=False, timeout=600
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        match = re.search(
            r"(?:Version|Yosys)\s+(?:nextpnr-)?(\d[\w.+-]*)", done.stdout + done.stderr
        )
        if match:
            return match[1]
    return "unknown"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


_LOOK = 0.2
"""Seconds from one look at what a tool says to the next."""

_running: set[int] = set()
_lock = threading.Lock()


def run(
    tool: Tool,
    arguments: Sequence[str],
    folder: Path,
    log: str,
    *,
    watch: Callable[[str], None] | None = None,
) -> Run:
    """Runs ``tool`` in ``folder``; all that it says goes to the file ``log`` there.

    ``watch`` is told again and again what has been said since it was last told; what it raises ends the
    tool and passes through. Raises :class:`ToolError` with the tool's own error if it fails.
    """
    start = time.perf_counter()
    with (folder / log).open("wb") as said:
        process = subprocess.Popen(
            [str(tool.executable), *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        with _lock:
            _running.add(process.pid)
        try:
            if watch is not None:
                _watch(process, folder / log, watch)
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            with _lock:
                _running.discard(process.pid)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ToolError(f"{tool.name} failed: {_complaint(folder / log, process.returncode)}")
    return Run(time.perf_counter() - start, usage.ru_utime + usage.ru_stime)


def _watch(process: subprocess.Popen[bytes], log: Path, watch: Callable[[str], None]) -> None:
    """Until ``process`` has ended, which is left to be waited for."""
    with log.open(encoding="utf-8", errors="replace") as said:
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(_LOOK)
            try:
                watch(said.read())
            except BaseException:
                process.kill()
                process.wait()
                raise


def stop() -> None:
    """Ends the tools that are running."""
    with _lock:
        for pid in _running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _complaint(log: Path, status: int) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [found[1] for line in lines if (found := _ERROR.search(line))]
    if errors:
        return errors[0]
    if status < 0:
        return f"signal {-status} ended it, as happens where memory does not suffice"
    return f"exit status {status}, and the last it said was {lines[-1] if lines else 'nothing'!r}"
