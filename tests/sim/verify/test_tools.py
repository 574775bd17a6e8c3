# SPDX-License-Identifier: Apache-2.0
"""What is missing is said, with the command that installs it, and stops no check that can do without."""

import importlib.util
import subprocess
import sys

import pytest

from matwright_sim.toolchain import ToolError, find_icarus
from matwright_sim.verify import tools

WITHOUT = """
import sys
sys.path[:] = {path!r}
sys.modules["cocotb"] = None
from matwright_sim.verify.campaign import CHECKS, find_check
print(*(find_check(name).name for name in CHECKS))
"""


def test_checks_are_there_without_cocotb() -> None:
    """So that a campaign can say which of them it cannot run."""
    from matwright_sim.verify.campaign import CHECKS

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(path=sys.path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == list(CHECKS), done.stderr


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    find_icarus()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    there, missing = tools.survey(["icarus"])
    sentence = "the package cocotb is not installed; install it with pip install 'matwright[sim]'"
    assert (there, missing) == ({}, {"icarus": sentence})
    with pytest.raises(ToolError, match="the package z3 is not installed"):
        tools._package("z3", "verify")


def test_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    there, missing = tools.survey(["icarus", "icarus"])
    assert "cocotb 2." in there["icarus"] and missing == {}
