# SPDX-License-Identifier: Apache-2.0
"""The kept Verilog: made once, and made anew when anything it comes from changes."""

import shutil
from pathlib import Path

import pytest

import matwright
from matwright import emit
from matwright.config import AcceleratorConfig
from matwright.presets import PRESETS
from matwright_sim.verilog import cached_verilog


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the configurations made; the generator is played by something quick."""
    names: list[str] = []

    def to_verilog(config: AcceleratorConfig) -> str:
        names.append(config.name)
        return f"// {config.name}, number {len(names)}\n"

    monkeypatch.setattr(emit, "to_verilog", to_verilog)
    monkeypatch.setenv("MATWRIGHT_CACHE", str(tmp_path / "cache"))
    return names


def test_made_once_per_configuration(made: list[str]) -> None:
    first = cached_verilog(PRESETS["tiny"])
    assert cached_verilog(PRESETS["tiny"]) == first == "// tiny, number 1\n"
    cached_verilog(PRESETS["small"])
    assert made == ["tiny", "small"]


def test_made_anew_for_a_changed_generator(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached_verilog(PRESETS["tiny"])
    package = tmp_path / "matwright"
    shutil.copytree(Path(matwright.__file__).parent, package)
    monkeypatch.setattr(matwright, "__file__", str(package / "__init__.py"))
    cached_verilog(PRESETS["tiny"])
    assert len(made) == 1
    with (package / "core" / "pe.py").open("a") as source:
        source.write("# changed\n")
    cached_verilog(PRESETS["tiny"])
    assert len(made) == 2


def test_the_text_is_the_generators() -> None:
    assert cached_verilog(PRESETS["tiny"]) == emit.to_verilog(PRESETS["tiny"])
