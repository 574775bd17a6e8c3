# SPDX-License-Identifier: Apache-2.0
"""Campaigns of checks that are made up."""

import sys
from pathlib import Path

import pytest

from matwright_sim.toolchain import ToolError
from matwright_sim.verify import campaign, tools

sys.path.insert(0, str(Path(__file__).parent))


def _missing() -> str:
    raise ToolError("prover is not on PATH; install it with `apt-get install prover`")


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the checks there are those of ``made_up.py``; of two tools one is there."""
    import made_up

    monkeypatch.setattr(campaign, "CHECKS", tuple(made_up.CHECKS))
    monkeypatch.setattr(campaign, "find_check", made_up.CHECKS.__getitem__)
    monkeypatch.setattr(tools, "TOOLS", {"compiler": lambda: "1.2", "prover": _missing})
