# SPDX-License-Identifier: Apache-2.0
"""The package: what the wheel holds, the list of versions, and what set-up says it lacks."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import matwright

ROOT = Path(__file__).parents[1]
LICENCE = "SPDX-License-Identifier: Apache-2.0"


def test_the_wheel_has_packages_sources_data_and_licence(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"matwright-{matwright.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = f"matwright-{matwright.__version__}.dist-info"
        entry_points = archive.read(f"{metadata}/entry_points.txt").decode()
        about = archive.read(f"{metadata}/METADATA").decode()
        assert archive.read(f"{metadata}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    packages = {
        "matwright": "hw",
        "matwright_fpga": "hw",
        "matwright_sim": "sim",
        "matwright_sw": "sw",
    }
    for package, room in packages.items():
        for path in (ROOT / room / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT / room).as_posix() in names
    assert {name.split("/")[0] for name in names} == {*packages, metadata}
    assert "matwright = matwright.cli:main" in entry_points
    assert "sim = matwright_sim.commands:register" in entry_points
    assert "fpga = matwright_fpga.commands:register" in entry_points
    assert "License-Expression: Apache-2.0" in about


def test_the_list_of_versions_is_names_and_versions_alone() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = {}
    for line in lines:
        if not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9_.-]+)==([A-Za-z0-9.]+)", line)
            assert match, line
            pinned[match[1].lower().replace("_", "-")] = match[2]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(name for extra in extras for name in extra)]
    for requirement in wanted:
        name = re.split(r"[\[<>=]", requirement)[0].lower().replace("_", "-")
        assert name in pinned, f"{name} is not in requirements.lock: run make lock"


@pytest.mark.parametrize("room", ["hw", "sim", "sw", "scripts", "tests"])
def test_every_source_file_names_its_licence(room: str) -> None:
    sources = {".py", ".cpp", ".hpp", ".h", ".v", ".vlt", ".sh", ".toml"}
    for path in (ROOT / room).rglob("*"):
        if path.suffix in sources and path.is_file():
            head = path.read_text().splitlines()[:2]
            assert any(LICENCE in line for line in head), path


@pytest.mark.parametrize(
    ("goal", "present", "sentence"),
    [
        ("demo", [], "g++ is missing, which compiles the simulators"),
        ("demo", ["g++"], "make is missing, which builds the simulators"),
        ("test", ["g++", "make"], "iverilog is missing, the second simulator of the tests"),
    ],
)
def test_set_up_names_what_the_system_lacks(
    goal: str, present: list[str], sentence: str, tmp_path: Path
) -> None:
    for tool in ["sh", "dirname", "cat", "cksum", *present]:
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / tool).symlink_to(found)
    done = subprocess.run(
        [str(tmp_path / "sh"), str(ROOT / "scripts" / "setup.sh"), goal],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    package = sentence.split()[0]
    assert done.stderr == f"setup: error: {sentence}; install it with: apt-get install {package}\n"
