#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants each bug of tests/planted/ in a copy of the project and sees that its test catches it.

usage: python scripts/planted_bugs.py [--only NAME] [--jobs J] [--checks]

A patch begins with two lines: ``Bug:`` says what is wrong, ``Test:`` names the test that must fail, as
pytest does. The test must pass without the bug. A third line, ``Check:``, names the check of ``matwright
verify`` that catches it too, and on which configuration; --checks sees that instead. The exit
status is 1 if a bug is not caught.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from matwright.commands.common import print_table, progress, table

__all__ = ["Planted", "apply", "planted"]

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("hw", "sim", "sw", "tests", "scripts", "docs", "pyproject.toml")
FAILED = 1
"""Exit status of pytest when tests ran and some failed."""


class Planted(NamedTuple):
    """A bug: name of its patch, what is wrong, the test that catches it, and the check, if one does."""

    name: str
    bug: str
    test: str
    patch: Path
    check: str = ""
    """Name of the check."""
    config: str = ""
    """What it is run on: a preset, or a file beside the patch."""


def planted() -> list[Planted]:
    """All bugs, by name."""
    found = []
    for patch in sorted((ROOT / "tests" / "planted").glob("*.patch")):
        lines = patch.read_text(encoding="utf-8").splitlines()
        if len(lines) < 2 or not (lines[0].startswith("Bug: ") and lines[1].startswith("Test: ")):
            raise ValueError(f"{patch.name} must begin with a line Bug: and a line Test:")
        third = lines[2] if lines[2:] and lines[2].startswith("Check: ") else "Check: "
        check, _, config = third[7:].partition(" on ")
        found.append(Planted(patch.stem, lines[0][5:], lines[1][6:], patch, check, config))
    return found


def apply(bug: Planted, folder: Path, *, check: bool = False) -> None:
    """Apply the patch to the project in ``folder``, or only see that it applies."""
    command = ["git", "apply", *(["--check"] if check else []), str(bug.patch)]
    # A folder inside of a repository would be taken for a part of it.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if result.returncode:
        raise ValueError(f"{bug.patch.name} must apply, but git says: {result.stderr.strip()}")


def copy(folder: Path) -> None:
    """The project without its history."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignore)
        else:
            shutil.copy(source, folder / part)


def status(folder: Path, *tests: str) -> int:
    """Exit status of pytest for ``tests`` of the project in ``folder``."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True).returncode


def verified(folder: Path, bug: Planted) -> int:
    """Like :func:`status`, of the bug's check on the project in ``folder``."""
    file = bug.patch.with_name(bug.config)
    config = str(file) if file.exists() else bug.config
    command = [sys.executable, "-m", "matwright", "verify", config, "--only", bug.check]
    path = os.pathsep.join(str(folder / room) for room in ("hw", "sim", "sw"))
    command += ["-o", str(folder / "report"), "--jobs", "1"]
    environment = {**os.environ, "PYTHONPATH": path}
    code = subprocess.run(command, cwd=folder, env=environment, capture_output=True).returncode
    return code if code != FAILED else found(folder / "report" / "verify.json", bug.check)


def found(report: Path, check: str) -> int:
    """:data:`FAILED` if the check has found something; -1 if it broke off, or never ran."""
    told = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {"checks": []}
    for one in told["checks"]:
        missed = [figure for figure in one["figures"] if not figure["met"]]
        if one["name"] == check and (one["failures"] or missed):
            return FAILED
    return -1


def caught(bug: Planted, checks: bool) -> str:
    """What became of the bug's test or check: ``caught``, or what it did instead."""
    with tempfile.TemporaryDirectory(prefix="matwright-planted-") as name:
        folder = Path(name)
        copy(folder)
        apply(bug, folder)
        code = verified(folder, bug) if checks else status(folder, bug.test)
    return {FAILED: "caught", 0: "NOT CAUGHT"}.get(code, f"it ended with {code}")


def sound(bugs: Sequence[Planted], checks: bool) -> bool:
    """Whether all of that passes without the bugs."""
    with tempfile.TemporaryDirectory(prefix="matwright-planted-") as name:
        folder = Path(name)
        copy(folder)
        if not checks:
            return status(folder, *sorted({bug.test for bug in bugs})) == 0
        each = {(bug.check, bug.config): bug for bug in bugs}
        return all(verified(folder, bug) == 0 for bug in each.values())


def main() -> int:
    parser = argparse.ArgumentParser(description="Plant bugs and see that tests catch them.")
    parser.add_argument("--only", metavar="NAME", help="of one bug alone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--checks", action="store_true", help="by checks of matwright verify")
    arguments = parser.parse_args()
    checks: bool = arguments.checks
    bugs = [bug for bug in planted() if arguments.only in (None, bug.name)]
    bugs = [bug for bug in bugs if bug.check or not checks]
    if not bugs:
        kind = "bug that names a check" if checks else "bug"
        print(f"no {kind} is named {arguments.only}", file=sys.stderr)
        return 2
    with progress() as bar:
        task = bar.add_task("bugs", total=len(bugs) + 1)
        is_sound = sound(bugs, checks)
        bar.advance(task)
        results = []
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for result in pool.map(lambda bug: caught(bug, checks), bugs):
                results.append(result)
                bar.advance(task)
    what = "check" if checks else "test"
    facts = table("planted bug", "what is wrong", f"its {what}", "result")
    for bug, result in zip(bugs, results, strict=True):
        by = f"{bug.check} on {bug.config}" if checks else bug.test.removeprefix("tests/")
        facts.add_row(bug.name, bug.bug, by, result)
    print_table(facts)
    words = f"all of these {what}s pass" if is_sound else f"{what}s FAIL"
    print(f"without the bugs {words}")
    return 0 if is_sound and all(result == "caught" for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
