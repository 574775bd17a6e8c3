# SPDX-License-Identifier: Apache-2.0
"""``matwright sweep``: what it prints and leaves, and how it refuses."""

import csv
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from matwright import cli
from matwright.config import AcceleratorConfig

Capture = pytest.CaptureFixture[str]

FILE = """
[base]
cols = 16
build.post_lanes = 1
sram.column_panels = 4
[axes]
rows = [4, 8]
"limits.max_k" = [20, 1000]
load_rows = [1, 8]
[[workload]]
name = "w"
gemms = [[3, 20, 30]]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    return path


def _refused(capsys: Capture, *arguments: str | Path) -> str:
    assert cli.main(["sweep", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def test_what_it_tells_and_leaves(file: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out"
    assert cli.main(["sweep", str(file), "-o", str(out), "--jobs", "1", "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told.pop("seconds") > 0
    assert told == {
        "sweep": "mine",
        "points": 8,
        "ok": 3,
        "failed": 3,
        "illegal": 2,
        "reasons": [
            {
                "status": "failed",
                "reason": "k must be at most 20, the limit of mine, not 30",
                "points": 3,
            },
            {
                "status": "illegal",
                "reason": "load_rows must be a power of two from 1 to 4, not 8",
                "points": 2,
            },
        ],
        "measured": 6,
        "reused": 0,
        "simulated": {"points": 0, "gemms": 0, "disagreements": 0},
        "folder": str(out),
        "files": ["results.csv", "results.parquet", "gemms.csv", "gemms.parquet", "report.html"],
        "notes": [],
    }
    with (out / "results.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["status"] for row in rows].count("failed") == 3
    # For people, and the second time from what is there.
    assert cli.main(["sweep", str(file), "-o", str(out)]) == 0
    text = capsys.readouterr().out
    for words in ("measured      3", "0 measurements,", "6 measurements", "k must be at most 20"):
        assert words in text


def test_the_cycles_are_those_of_matwright_cycles(
    file: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert cli.main(["sweep", str(file), "-o", str(tmp_path / "out"), "--jobs", "1"]) == 0
    capsys.readouterr()
    with (tmp_path / "out" / "results.csv").open(newline="") as table:
        row = next(row for row in csv.DictReader(table) if row["status"] == "ok")
    fields = {"name": "mine", "rows": int(row["rows"]), "cols": 16}
    fields |= {"load_rows": int(row["load_rows"]), "limits": {"max_k": int(row["limits.max_k"])}}
    fields |= {"build": {"post_lanes": 1}, "sram": {"column_panels": 4}}
    config = AcceleratorConfig.from_dict(fields)
    assert config.digest == row["config_sha256"]
    (tmp_path / "config.toml").write_text(config.to_toml())
    options = ["--gemm", "3,20,30", "--json"]
    assert cli.main(["cycles", str(tmp_path / "config.toml"), *options]) == 0
    assert json.loads(capsys.readouterr().out)["cycles"] == int(row["w.cycles"])


def test_the_exit_status_is_1_where_the_verilog_disagrees(
    file: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    import matwright_sim.sweep as package

    genuine = package.run

    def lying(*arguments: Any, **options: Any) -> Any:
        return replace(genuine(*arguments, **options), disagreements=2)

    monkeypatch.setattr(package, "run", lying)
    assert cli.main(["sweep", str(file), "-o", str(tmp_path / "out"), "--jobs", "1"]) == 1
    assert "the Verilog disagrees with the model in 2 points" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("rows", "rowz"), "mine.toml: axes.rowz is not a field; the fields are rows, cols"),
        (("gemms", "gems"), "mine.toml: workload 1 must have one of gemms, csv, model, not none"),
        (("[4, 8]", "[300]"), "axes.rows yields no legal configuration: rows must be an integer"),
        (("[[workload]]", "[[workloads]]"), "workloads is not a field"),
        (
            ("gemms = [[3, 20, 30]]", 'model = "x.json"\nphase = "decode"\nbatch = 1\ncontext = 1'),
            "x.json: num_hidden_layers must be given",
        ),
    ],
)
def test_a_file_that_is_refused(
    change: tuple[str, str], sentence: str, file: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "x.json").write_text('{"model_type": "llama", "hidden_size": 64}')
    file.write_text(file.read_text().replace(*change))
    assert sentence in _refused(capsys, file, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_sweep(file: Path, tmp_path: Path, capsys: Capture) -> None:
    assert cli.main(["sweep", str(file), "-o", str(tmp_path / "out"), "--jobs", "1"]) == 0
    capsys.readouterr()
    file.write_text(file.read_text().replace("[4, 8]", "[4, 16]"))
    err = _refused(capsys, file, "-o", tmp_path / "out")
    assert "must be empty or hold this very sweep, but it holds results of another one" in err


def test_a_folder_that_cannot_be(file: Path, capsys: Capture) -> None:
    assert "mine.toml/x cannot be written: " in _refused(capsys, file, "-o", file / "x")


def test_a_scheduler_that_is_not_there(
    file: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    from matwright_sim.sweep import cluster

    monkeypatch.setattr(cluster, "_PATIENCE", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    err = _refused(capsys, file, "-o", tmp_path / "out", "--scheduler", address)
    assert f"no dask scheduler answers at {address}; start one with `dask scheduler`" in err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--jobs", "0"), "must be an integer from 1 to 1024, not '0'"),
        (("--jobs", "1", "--scheduler", "x"), "not allowed with argument --jobs"),
    ],
)
def test_options_that_are_refused(
    options: tuple[str, ...], sentence: str, file: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert sentence in _refused(capsys, file, "-o", tmp_path / "out", *options)


def test_progress_tells_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal; the time left stands once, for all kinds together."""
    import io

    from rich.console import Console

    from matwright_sim.sweep.runner import Status

    module = sys.modules["matwright_sim.commands.sweep"]
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=150)
    monkeypatch.setattr(module, "Console", lambda stderr: terminal)
    total = {"model": 100, "rtl": 0, "synth": 4}
    with module._Bars(enabled=True) as bars:
        done = {"model": 42, "rtl": 0, "synth": 0}
        bars.show(Status(done, total, "10 to 20 s left, and synthesis, not yet timed"))
        bars._progress.refresh()
    text = screen.getvalue()
    assert "cycle model" in text and "42/100" in text and "0/4" in text and "Verilog" not in text
    assert "10 to 20 s left, and synthesis, not yet timed" in text
