# SPDX-License-Identifier: Apache-2.0
"""Waveforms of replays that run in Icarus."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..toolchain import ToolError

__all__ = ["TraceError", "clear", "waveform"]

SUFFIX = ".fst"


class TraceError(ToolError):
    """Icarus does not write waveforms of that kind."""


@contextmanager
def waveform(trace: Path | None, top: str) -> Iterator[Path | None]:
    """For a simulation of ``top`` in Icarus the folder that is its ``build_root``; None without ``trace``.

    However the simulation ends, its waveform becomes the file ``trace``, and nothing else is left. If there
    is none, neither is an empty ``trace``. Raises :class:`TraceError` unless ``trace`` ends in ``.fst``.
    """
    if trace is None:
        yield None
        return
    clear(trace)
    if trace.suffix != SUFFIX:
        raise TraceError(f"a waveform of Icarus must end in {SUFFIX}, not {str(trace)!r}")
    with tempfile.TemporaryDirectory(prefix="matwright-waves-") as folder:
        try:
            yield Path(folder)
        finally:
            made = Path(folder) / top / f"{top}{SUFFIX}"
            if made.is_file() and made.stat().st_size:
                shutil.move(made, trace)


def clear(trace: Path) -> None:
    """Remove a file that was made for a waveform and is empty."""
    if trace.is_file() and not trace.stat().st_size:
        trace.unlink()
