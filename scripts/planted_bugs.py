#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants each bug of tests/planted/ in a copy of the project and sees that its test catches it.

usage: python scripts/planted_bugs.py [--only NAME] [--jobs J]

A patch begins with two lines: ``Bug:`` says what is wrong, ``Test:`` names the test that must fail, as
pytest does. The test must pass without the bug. The exit status is 1 if a bug is not caught.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
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
    """A bug: name of its patch, what is wrong, the test that catches it."""

    name: str
    bug: str
    test: str
    patch: Path


def planted() -> list[Planted]:
    """All bugs, by name."""
    found = []
    for patch in sorted((ROOT / "tests" / "planted").glob("*.patch")):
        lines = patch.read_text(encoding="utf-8").splitlines()
        if len(lines) < 2 or not (lines[0].startswith("Bug: ") and lines[1].startswith("Test: ")):
            raise ValueError(f"{patch.name} must begin with a line Bug: and a line Test:")
        found.append(Planted(patch.stem, lines[0][5:], lines[1][6:], patch))
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


def caught(bug: Planted) -> str:
    """What became of the bug's test: ``caught``, or what it did instead."""
    with tempfile.TemporaryDirectory(prefix="matwright-planted-") as name:
        folder = Path(name)
        copy(folder)
        apply(bug, folder)
        code = status(folder, bug.test)
    return {FAILED: "caught", 0: "NOT CAUGHT"}.get(code, f"pytest ended with {code}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Plant bugs and see that tests catch them.")
    parser.add_argument("--only", metavar="NAME", help="of one bug alone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    bugs = [bug for bug in planted() if arguments.only in (None, bug.name)]
    if not bugs:
        print(f"no bug is named {arguments.only}", file=sys.stderr)
        return 2
    with progress() as bar:
        task = bar.add_task("bugs", total=len(bugs) + 1)
        with tempfile.TemporaryDirectory(prefix="matwright-planted-") as name:
            copy(Path(name))
            sound = status(Path(name), *sorted({bug.test for bug in bugs})) == 0
        bar.advance(task)
        results = []
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for result in pool.map(caught, bugs):
                results.append(result)
                bar.advance(task)
    facts = table("planted bug", "what is wrong", "its test", "result")
    for bug, result in zip(bugs, results, strict=True):
        facts.add_row(bug.name, bug.bug, bug.test.removeprefix("tests/"), result)
    print_table(facts)
    print("without the bugs all of these tests pass" if sound else "tests FAIL without the bugs")
    return 0 if sound and all(result == "caught" for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
