# SPDX-License-Identifier: Apache-2.0
"""The documentation: links lead somewhere, the guide is complete, its examples run."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from matwright import cli
from matwright.artefacts.figures import MEANINGS
from matwright.config import AcceleratorConfig

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "build" not in page.relative_to(ROOT).parts
)
GUIDE = (ROOT / "docs" / "user" / "guide.md").read_text()


CYCLES = (ROOT / "docs" / "user" / "cycles.md").read_text()
ISOLATION = (ROOT / "docs" / "user" / "isolation.md").read_text()


def _block(language: str, page: str = GUIDE) -> str:
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_guide_has_every_field_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([\w.]+)` \| (\S+|must be given) \|", GUIDE, re.MULTILINE))
    config = AcceleratorConfig(rows=16, cols=16)
    for key, value in config.to_dict().items():
        fields = value if isinstance(value, dict) else {"": value}
        for field, default in fields.items():
            name = f"{key}.{field}".rstrip(".")
            expected = {"rows": "must be given", "cols": "must be given", "name": '`"custom"`'}
            shown = expected.get(name, str(default).lower())
            assert rows[name] == shown, name


def test_the_guide_has_every_figure() -> None:
    for name in MEANINGS:
        shown = "sram_bytes.*" if name.startswith("sram_bytes") else name
        assert f"`{shown}`" in GUIDE


def test_the_configuration_of_the_guide() -> None:
    config = AcceleratorConfig.from_toml(_block("toml"))
    assert (config.name, config.rows, config.cols, config.bus.data_width) == ("mine", 16, 32, 128)


def test_the_python_of_the_guide(capsys: pytest.CaptureFixture[str]) -> None:
    # On tiny, which compiles sooner and gives the same results.
    exec(_block("python").replace('preset("edge")', 'preset("tiny")'), {})
    assert capsys.readouterr().out.split() == [
        "[[",
        "7",
        "4]",
        "[-8",
        "-7]]",
        "[[4",
        "2]",
        "[0",
        "0]]",
    ]


def test_the_python_of_isolation(capsys: pytest.CaptureFixture[str]) -> None:
    exec(_block("python", ISOLATION), {})
    assert capsys.readouterr().out.split() == ["[[7", "4]]"]


def test_the_python_of_cycles(capsys: pytest.CaptureFixture[str]) -> None:
    exec(_block("python", CYCLES), {})
    assert capsys.readouterr().out.split() == ["True", "True"]


def test_the_timeline_of_cycles(tmp_path: Path) -> None:
    """The figure is what the command on the page writes."""
    (command,) = re.findall(
        r"^matwright (explain .* --timeline timeline.svg)$", CYCLES, re.MULTILINE
    )
    file = tmp_path / "timeline.svg"
    assert cli.main([*command.split()[:-1], str(file)]) == 0
    assert file.read_text() == (ROOT / "docs" / "user" / "timeline.svg").read_text()


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").rglob("*.svg")), ids=lambda p: p.name)
def test_pictures_are_xml_with_a_title(picture: Path) -> None:
    root = ElementTree.parse(picture).getroot()
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
