# SPDX-License-Identifier: Apache-2.0
"""``matwright explain``: what binds, told to people and to scripts, and files of timelines."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from matwright import cli

Capture = pytest.CaptureFixture[str]


def told(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert cli.main([*arguments, "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("options", [(), ("--raw",), ("--latency", "300")])
def test_for_scripts(options: tuple[str, ...], capsys: Capture) -> None:
    """Cycles as ``matwright cycles`` has them, terms that add up to them, lifts that are what they say."""
    said = told(capsys, "explain", "small", "--gemm", "33,20,70", *options)
    predicted = told(capsys, "cycles", "small", "--gemm", "33,20,70", *options)
    for key in ("cycles", "gemm", "output", "tiling", "latency", "config", "config_sha256"):
        assert said[key] == predicted[key]
    assert sum(term["cycles"] for term in said["terms"].values()) == pytest.approx(said["cycles"])
    assert said["binding"] in said["terms"]
    assert said["roofline"] == max(said["compute_floor"], said["memory_floor"])
    assert said["tried_on"] == said["gemm"] and said["timeline"] is None
    assert said["lift"] in said["lifts"]
    for lift in said["lifts"]:
        assert lift["before"] == said["cycles"]
        assert lift["saves"] == pytest.approx(1 - lift["cycles"] / lift["before"])
        assert set(lift["terms"]) <= set(said["terms"])


def test_a_lift_can_be_built(capsys: Capture, tmp_path: Path) -> None:
    """The configuration with what is told takes the cycles that are told."""
    said = told(capsys, "explain", "edge", "--gemm", "1,512,512")
    assert said["lift"]["what"] == "bus.data_width 128 instead of 64 (bus.max_burst 16)"
    assert cli.main(["show", "edge", "--toml"]) == 0
    text = capsys.readouterr().out
    text, count = re.subn("(?m)^data_width = 64$", "data_width = 128", text)
    text, more = re.subn("(?m)^max_burst = 32$", "max_burst = 16", text)
    assert count == more == 1
    file = tmp_path / "wider.toml"
    file.write_text(text, encoding="utf-8")
    assert (
        told(capsys, "cycles", str(file), "--gemm", "1,512,512")["cycles"]
        == (said["lift"]["cycles"])
    )


def test_for_people(capsys: Capture) -> None:
    said = told(capsys, "explain", "edge", "--gemm", "1,512,512")
    assert cli.main(["explain", "edge", "--gemm", "1,512,512"]) == 0
    text = capsys.readouterr().out
    for words in (
        f"by the bus; reached {said['roofline'] / said['cycles']:.1%}",
        "memory bandwidth",
        f"(bus.max_burst 16): {said['cycles']:,} -> {said['lift']['cycles']:,} cycles",
        "A is read once, B once",
        "what would be with",
    ):
        assert words in text


def test_for_people_where_nothing_lifts(capsys: Capture) -> None:
    assert cli.main(["explain", "decode", "--gemm", "1,512,512"]) == 0
    text = capsys.readouterr().out
    assert "a wider bus, or more rows of A for the same weights; none that can be built" in text


def test_of_a_large_gemm_some_blocks(capsys: Capture) -> None:
    assert cli.main(["explain", "edge", "--gemm", "1024,512,512"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"tried on +\d+ x \d+ x 512 of it, because all of it would take long", text)


def test_a_tiling_of_the_caller(capsys: Capture) -> None:
    """It is kept: what is tried is tiled so too, and a machine on which it does not fit is not tried."""
    said = told(capsys, "explain", "edge", "--gemm", "64,64,64", "--tiling", "32,1,4")
    same = told(capsys, "cycles", "edge", "--gemm", "64,64,64", "--tiling", "32,1,4")
    assert said["cycles"] == same["cycles"] and said["tiling"] == same["tiling"]
    room = [lift["cycles"] for lift in said["lifts"] if lift["terms"] == ["room on chip"]]
    assert room and set(room) == {said["cycles"]}  # blocks stay as large as they are


def test_timelines(tmp_path: Path, capsys: Capture) -> None:
    chrome, figure = tmp_path / "run.json", tmp_path / "run.svg"
    for file in (chrome, figure):
        said = told(capsys, "explain", "small", "--gemm", "9,9,9", "--timeline", str(file))
        assert said["timeline"] == str(file)
    events = json.loads(chrome.read_text(encoding="utf-8"))["traceEvents"]
    assert {event["name"] for event in events} >= {"load A", "load B", "execute", "tile", "store"}
    assert events[0]["args"]["name"] == f"9 x 9 x 9 on small: {said['cycles']:,} cycles"
    titles = [node.text or "" for node in ElementTree.parse(figure).getroot().iter()]
    assert any("execute, rows 0 to 8, n panels 0 to 1" in title for title in titles)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("run.png", "--timeline must name a file that ends in .json or .svg, not 'run.png'"),
        ("not_there/run.svg", "not_there/run.svg cannot be written: No such file or directory"),
    ],
)
def test_refused_timelines(
    file: str,
    sentence: str,
    capsys: Capture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["explain", "tiny", "--gemm", "1,1,1", "--timeline", file]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
