# SPDX-License-Identifier: Apache-2.0
"""A cache of the test's own, a small design in place of the generator's; the stand-in importable."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from matwright.config import AcceleratorConfig
from matwright_fpga import flow, tools
from matwright_fpga.design import Design

sys.path.insert(0, str(Path(__file__).parent))

TOY = (Path(__file__).parent / "toy.v").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where results are kept."""
    monkeypatch.setenv("MATWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every configuration is the design of toy.v."""

    def design(config: AcceleratorConfig, family: str, part: str = "") -> Design:
        made = Design(TOY, "matwright_toy", part)
        _ = made.top
        return made

    monkeypatch.setattr(flow, "design", design)


@pytest.fixture
def fresh_tools() -> Iterator[None]:
    """The tools are looked for anew, before and after."""
    tools.find_tool.cache_clear()
    yield
    tools.find_tool.cache_clear()
