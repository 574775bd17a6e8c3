# SPDX-License-Identifier: Apache-2.0
"""The worked example, as its README says: by hand with make, and with FuseSoC."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/selftest"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy to build in, beside a copy of what FuseSoC finds."""
    shutil.copytree(EXAMPLE, tmp_path / "selftest", ignore=shutil.ignore_patterns("build"))
    shutil.copytree(ROOT / "hw/fusesoc", tmp_path / "fusesoc")
    return tmp_path / "selftest"


def run(folder: Path, *command: str) -> str:
    """Standard output and error of a command, with this Python's programs first on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    packages = os.pathsep.join(str(ROOT / room) for room in ("hw", "sim", "sw"))
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_by_hand_and_with_fusesoc(example: Path) -> None:
    printed = run(example, "make", "simulate", f"PYTHON={sys.executable}")
    verdict = next(line for line in printed.splitlines() if line.startswith("PASS"))
    assert f"{verdict}\n".rstrip() in (EXAMPLE / "README.md").read_text(encoding="utf-8")
    fusesoc = ("fusesoc", "--cores-root", "../fusesoc", "--cores-root", ".", "run")
    core = "matwright:example:selftest"
    assert verdict in run(example, *fusesoc, "--target=sim", core)
    run(example, *fusesoc, "--target=ulx3s", "--setup", core)
    made = {path.name for path in example.rglob("build/*/ulx3s/**/*") if path.is_file()}
    assert {"tiny.v", "Makefile"} <= made


def test_a_wrong_result_is_seen(example: Path) -> None:
    run(example, "make", "build/generic/simulation", f"PYTHON={sys.executable}")
    memory = example / "build/generic/memory.hex"
    words = memory.read_text().split()
    words[0x1000 // 4] = f"{int(words[0x1000 // 4], 16) ^ 1:08x}"
    memory.write_text("\n".join(words))
    assert "FAIL" in run(example, "make", "simulate", f"PYTHON={sys.executable}")


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("{config: small, bus: avalon}", "the bus must be one of axi, wishbone, not 'avalon'"),
        ("{config: none.toml}", "none.toml cannot be read: "),
        ("{cfg: tiny}", "parameters are config, family, bus, not cfg"),
    ],
)
def test_the_generator_says_what_is_wrong(tmp_path: Path, parameters: str, sentence: str) -> None:
    (tmp_path / "in.yml").write_text(f"vlnv: a:b:c:0\nfiles_root: .\nparameters: {parameters}\n")
    done = subprocess.run(
        [sys.executable, ROOT / "hw/fusesoc/generate.py", "in.yml"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "hw")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("matwright: error: ") and sentence in done.stderr
