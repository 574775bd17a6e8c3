# SPDX-License-Identifier: Apache-2.0
"""The table of FPGAs: made from the data alone, and kept up while it is measured. No tool runs."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import bench_fpga
from matwright.config import AcceleratorConfig
from matwright_fpga import timing
from matwright_fpga.devices import find_device
from matwright_fpga.errors import FitError, ToolError
from matwright_fpga.placement import Placement
from matwright_fpga.result import Result
from matwright_fpga.synthesis import Synthesis
from matwright_fpga.tools import Run, Tool

ROOT = Path(__file__).parents[1]
PATH = timing.Path("a", "b", (), 1, 0, (), (), 2.0, 3.0)
ARRAY = "small.engine.array/ecp5/85k/6"
TINY = "tiny/ice40/up5k"


class Flow:
    """In place of the tools: clocks that rise with the seed, and a list of what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.base = 100.0
        self.hook: Callable[[str], None] = lambda name: None

    def figures(
        self,
        config: AcceleratorConfig,
        family: str,
        device: str,
        *,
        speed: str | None,
        part: str,
        seeds: Sequence[int],
        jobs: int | None,
        on_step: Callable[[str, int, int], None],
    ) -> Result:
        name = f"{config.name}/{family}/{device}"
        self.asked.append(name)
        self.hook(name)
        on_step("placing", 1, len(seeds))
        kin, chip, grade = find_device(family, device, speed)
        used = {"TRELLIS_COMB": 1250, "TRELLIS_FF": 3100, "MULT18X18D": 64, "ICESTORM_LC": 5000}
        placements = [
            Placement(seed, self.base + 10 * seed, used, PATH, Run(9.0, 3.0 * seed), False, Path())
            for seed in seeds
        ]
        cells = Counter(SB_DFF=7, SB_MAC16=8)
        synthesis = Synthesis("", "", Path(), cells, Run(9.0, 2.0), True)
        tools = (self.find_tool("yosys"), self.find_tool(kin.placer))
        return Result(config, part, kin, chip, grade, 200, synthesis, placements, tools)

    @staticmethod
    def find_tool(name: str) -> Tool:
        return Tool(name, Path(), "1.2")


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Flow:
    made = Flow()
    monkeypatch.setattr(bench_fpga, "figures", made.figures)
    monkeypatch.setattr(bench_fpga, "find_tool", made.find_tool)
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with its two pages and no data."""
    (tmp_path / "docs").mkdir()
    for name in bench_fpga.PAGES:
        (tmp_path / name).write_text("before\n" + "".join(bench_fpga.MARKS) + "after\n")
    return tmp_path


def rows(root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((root / bench_fpga.DATA).read_text())["rows"]
    return found


def cells(root: Path, page: str = "docs/results.md") -> list[list[str]]:
    """The lines of a table, less its heading."""
    lines = [line for line in (root / page).read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


# What is in the repository.


def test_pages_show_the_data_of_all_points() -> None:
    assert bench_fpga.check(ROOT) == 0


def test_data_is_of_the_points() -> None:
    names = [point.name for point in bench_fpga.POINTS]
    assert len(set(names)) == len(names)
    assert [made["name"] for made in bench_fpga.load(ROOT) if made["name"] not in names] == []
    assert set(bench_fpga.SUMMARY) <= set(names)


def test_arrays_of_other_sizes() -> None:
    configs = bench_fpga.CONFIGS
    assert configs["small 12 x 12"].peak_macs == 144
    assert configs["small W4A8"].peak_macs == 128
    assert configs["small W4A8"].precision.b_width == 4


# Measuring, with figures that are made up.


def test_row_of_figures(flow: Flow, root: Path) -> None:
    assert bench_fpga.main(["--only", ARRAY, "--seeds", "3"], root) == 0
    (made,) = rows(root)
    assert made["fmax_mhz"] == {"median": 120.0, "best": 130.0, "each": [110.0, 120.0, 130.0]}
    assert (made["seeds"], made["tools"]["nextpnr-ecp5"]) == ([1, 2, 3], "1.2")
    assert made["config_sha256"] == bench_fpga.CONFIGS["small"].digest
    (line,) = cells(root)
    assert line == [
        *("small", "8 x 8", "engine.array", "ecp5 85k speed 6"),
        *("1,250", "3,100", "64", "0", "120.0", "130.0", "7.68", "2 + 6"),
        "from a through 1 LUT, 2.0 ns logic + 3.0 ns routing, to b",
    ]
    page = (root / "docs/results.md").read_text()
    assert "- Seeds 1 to 3, " in page and ", yosys 1.2, nextpnr-ecp5 1.2.\n" in page
    assert "- ecp5 85k has 83,640 logic cells (TRELLIS_COMB), " in page
    assert "; placed for 200 MHz.\n" in page
    assert page.startswith("before\n") and page.endswith("after\n")


def test_readme_shows_the_same_figures(flow: Flow, root: Path) -> None:
    assert bench_fpga.main(["--only", ARRAY, "--seeds", "3"], root) == 0
    words = bench_fpga.SUMMARY[ARRAY]
    assert cells(root, "README.md") == [[words, "ecp5 85k speed 6", "64", "1,250", "120", "7.7"]]
    assert "median clock of seeds 1 to 3" in (root / "README.md").read_text()
    assert bench_fpga.summary([]) == ""


def test_notes_and_one_seed(flow: Flow, root: Path) -> None:
    assert bench_fpga.main(["--only", TINY, "--seeds", "1"], root) == 0
    page = (root / "docs/results.md").read_text()
    assert "- Seed 1, " in page
    assert "- nextpnr times a multiplier (SB_MAC16) at its ports, not inside.\n" in page


def test_what_does_not_fit_is_a_row_with_the_reason(
    flow: Flow, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def hook(name: str) -> None:
        raise FitError("edge does not fit ecp5 85k: it needs 256 blocks of 156, 100 too many")

    flow.hook = hook
    assert bench_fpga.main(["--only", "edge/*"], root) == 0
    assert cells(root) == [
        ["edge", "16 x 16", "all of it", "ecp5 85k speed 6"]
        + ["-"] * 8
        + ["does not fit: 256 blocks of 156, 100 too many"]
    ]
    assert rows(root)[0]["failed"].endswith("100 too many")
    assert "edge/ecp5/85k/6: edge does not fit" in capsys.readouterr().out
    assert bench_fpga.stale(root) == []


def test_other_failures_leave_the_row_as_it_was(
    flow: Flow, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_fpga.main(["--only", "small/ecp5", "--seeds", "1"], root) == 0
    before = rows(root)

    def hook(name: str) -> None:
        flow.base += 50
        if name == "small/ecp5/45k":
            raise ToolError("nextpnr-ecp5 failed: no route")

    flow.hook = hook
    assert bench_fpga.main(["--only", "small/ecp5", "--seeds", "1"], root) == 1
    assert "small/ecp5/45k/6: nextpnr-ecp5 failed: no route" in capsys.readouterr().err
    after = rows(root)
    assert [new == old for new, old in zip(after, before, strict=True)] == [False, True, False]


def test_point_that_takes_too_long_is_a_row_with_the_reason(
    flow: Flow, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()
    monkeypatch.setattr(bench_fpga, "stop_tools", stopped.set)
    monkeypatch.setattr(bench_fpga, "MINUTE", 0.01)

    def hook(name: str) -> None:
        assert stopped.wait(60)
        raise ToolError("nextpnr-ecp5 failed: signal 9 ended it")

    flow.hook = hook
    assert bench_fpga.main(["--only", ARRAY, "--limit", "7"], root) == 0
    assert rows(root)[0]["failed"] == "not placed and routed within 7 minutes"
    assert cells(root)[0][-1] == "not placed and routed within 7 minutes"
    assert bench_fpga.stale(root) == []


def test_interrupted_run_leaves_what_is_done(
    flow: Flow, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def hook(name: str) -> None:
        if len(flow.asked) == 3:
            raise KeyboardInterrupt

    flow.hook = hook
    assert bench_fpga.main(["--seeds", "1"], root) == 130
    assert "goes on from here" in capsys.readouterr().err
    assert [made["name"] for made in rows(root)] == [p.name for p in bench_fpga.POINTS[:2]]
    assert bench_fpga.stale(root) == []
    assert [path.name for path in (root / "docs/results").iterdir()] == ["fpga.json"]


def test_rows_stand_in_the_order_of_the_points(flow: Flow, root: Path) -> None:
    for only in (ARRAY, TINY):
        assert bench_fpga.main(["--only", only], root) == 0
    assert [made["name"] for made in rows(root)] == [TINY, ARRAY]
    assert [line[0] for line in cells(root)] == ["tiny", "small"]


def test_date_is_that_of_the_figures(flow: Flow, root: Path) -> None:
    assert bench_fpga.main(["--only", ARRAY], root) == 0
    old = [rows(root)[0] | {"date": "2001-02-03"}]
    bench_fpga.write(root, [*old, {"name": "of no point any more"}][:1])
    assert bench_fpga.main(["--only", ARRAY], root) == 0
    assert rows(root) == old
    flow.base += 1
    assert bench_fpga.main(["--only", ARRAY], root) == 0
    assert rows(root)[0]["date"] != "2001-02-03"
    gone = [{"name": "of no point any more"}, *old]
    assert bench_fpga.merged(gone, {**rows(root)[0]}, "2001-02-04")[0]["name"] == ARRAY


def test_rows_of_different_runs_are_told_apart(flow: Flow, root: Path) -> None:
    assert bench_fpga.main(["--only", TINY, "--seeds", "1"], root) == 0
    assert bench_fpga.main(["--only", ARRAY, "--seeds", "2"], root) == 0
    page = (root / "docs/results.md").read_text()
    assert f"nextpnr-ice40 1.2: `{TINY}`.\n" in page
    assert f"nextpnr-ecp5 1.2: `{ARRAY}`.\n" in page


# --check and arguments.


def test_check(flow: Flow, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_fpga.main(["--seeds", "1"], root) == 0
    assert len(rows(root)) == len(bench_fpga.POINTS)
    asked = len(flow.asked)
    assert bench_fpga.main(["--check"], root) == 0
    page = root / "README.md"
    page.write_text(page.read_text().replace("110", "111"))
    (root / bench_fpga.DATA).write_text(json.dumps({"rows": rows(root)[1:]}))
    capsys.readouterr()
    assert bench_fpga.main(["--check"], root) == 1
    assert capsys.readouterr().out.splitlines() == [
        "docs/results.md does not show the data of docs/results/fpga.json",
        "README.md does not show the data of docs/results/fpga.json",
        f"{TINY} is not in docs/results/fpga.json",
    ]
    assert len(flow.asked) == asked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "large"], "--only must match one of tiny/ice40/up5k, "),
        (["--seeds", "0"], "must be an integer from 1 to 100, not '0'"),
        (["--limit", "1h"], "must be an integer from 1 to 10000, not '1h'"),
        (["--jobs", "x"], "must be an integer from 1 to 100, not 'x'"),
    ],
)
def test_arguments(
    arguments: list[str],
    message: str,
    flow: Flow,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        bench_fpga.main(arguments, root)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
    assert flow.asked == []


def test_missing_tool_is_told_before_anything_is_done(
    flow: Flow, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find_tool(name: str) -> Tool:
        raise ToolError(f"{name} is missing")

    monkeypatch.setattr(bench_fpga, "find_tool", find_tool)
    with pytest.raises(SystemExit) as caught:
        bench_fpga.main([], root)
    assert caught.value.code == 2
    assert "yosys is missing" in capsys.readouterr().err
    assert flow.asked == []
