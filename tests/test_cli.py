# SPDX-License-Identifier: Apache-2.0
"""The command line: what it prints, what it writes, and what it says when it cannot."""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import matwright
from matwright import cli
from matwright.artefacts import bundle
from matwright.commands.common import (
    Subparsers,
    UsageError,
    add_command,
    gemm,
    progress,
    write_files,
)
from matwright.config import AcceleratorConfig
from matwright.presets import PRESETS, WHO

Capture = pytest.CaptureFixture[str]

NO_PLUGINS: list[EntryPoint] = []


@pytest.fixture(autouse=True)
def _own_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator's own commands, whatever is installed."""
    monkeypatch.setattr(cli, "entry_points", lambda group: NO_PLUGINS)


@pytest.fixture
def quick_verilog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for the Verilog, which other tests make in earnest."""

    def to_verilog(config: AcceleratorConfig, family: str, bus: str) -> str:
        return f"module {config.name}(input clk);\nendmodule\n"

    monkeypatch.setattr(bundle, "to_verilog", to_verilog)


def _fails(capsys: Capture, *arguments: str) -> str:
    """Runs a command that must fail with status 2 and one sentence, which is returned."""
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("matwright: error: ")
    assert err.count("\n") == 1
    return err.removeprefix("matwright: error: ").rstrip("\n")


# Help and version.


def test_help_lists_every_command(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    for command in ("presets", "show", "generate"):
        assert f"    {command} " in out


@pytest.mark.parametrize("command", ["presets", "show", "generate"])
def test_help_of_a_command_has_an_example(command: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    assert f"example:\n  matwright {command}" in capsys.readouterr().out


def test_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"matwright {matwright.__version__}\n"


# presets, show


def test_presets_table(capsys: Capture) -> None:
    assert cli.main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(PRESETS)
    for line, (name, who) in zip(lines[1:], WHO.items(), strict=True):
        assert line.split()[0] == name
        assert who in line


def test_presets_json(capsys: Capture) -> None:
    assert cli.main(["presets", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == list(PRESETS)
    for entry in listed:
        assert AcceleratorConfig.from_dict(entry["configuration"]) == PRESETS[entry["name"]]


def test_show_prints_every_field_and_figure(capsys: Capture) -> None:
    assert cli.main(["show", "edge"]) == 0
    values = {}
    for line in capsys.readouterr().out.splitlines():
        if len(words := line.split()) >= 2:
            values[words[0]] = words[1]
    assert values["rows"] == "16"
    assert values["bus.data_width"] == "64"
    assert values["build.counters"] == "true"
    assert values["peak_macs_per_cycle"] == "256"
    assert values["sram_bytes.activation"] == "32,768"
    assert values["max_k"] == "131,071"


def test_show_json_has_the_figures(capsys: Capture) -> None:
    assert cli.main(["show", "decode", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert AcceleratorConfig.from_dict(shown["configuration"]) == PRESETS["decode"]
    assert shown["sha256"] == PRESETS["decode"].digest
    assert shown["figures"] == {
        "peak_macs_per_cycle": 256,
        "bus_bytes_per_cycle": 64,
        "weight_load_cycles": 4,
        "weight_fetch_cycles": 4,
        "weight_ingest_cycles": 4,
        "max_m": 1_048_575,
        "max_n": 1_048_575,
        "max_k": 131_071,
        "sram_bytes": {
            "activation": 65_536,
            "weight": 65_536,
            "accumulator": 32_768,
            "parameter": 4_096,
        },
        "sram_bytes_total": 167_936,
    }


@pytest.mark.parametrize("name", PRESETS)
def test_show_toml_is_a_config(name: str, tmp_path: Path, capsys: Capture) -> None:
    assert cli.main(["show", name, "--toml"]) == 0
    text = capsys.readouterr().out
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert cli.main(["show", str(path), "--toml"]) == 0
    assert capsys.readouterr().out == text
    assert AcceleratorConfig.from_toml(text) == PRESETS[name]


# generate


@pytest.mark.usefixtures("quick_verilog")
def test_generate_writes_what_the_manifest_says(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "a" / "b"
    assert cli.main(["generate", "edge", "-o", str(folder)]) == 0
    assert str(folder / "edge.v") in capsys.readouterr().out
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(written) == {"edge.v", "edge.h", "registers.md", "manifest.json"}
    manifest = json.loads(written.pop("manifest.json"))
    assert set(manifest["files"]) == set(written)
    for name, data in written.items():
        entry = manifest["files"][name]
        assert entry == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert manifest["top"] == "matwright_edge"
    assert AcceleratorConfig.from_dict(manifest["configuration"]) == PRESETS["edge"]


@pytest.mark.usefixtures("quick_verilog")
def test_generate_again_gives_the_same_bytes(tmp_path: Path, capsys: Capture) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in [*folders, folders[0]]:  # once more over what is there
        assert cli.main(["generate", "wide", "-o", str(folder), "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed["folder"] == str(folder)
        assert printed["manifest"] == json.loads((folder / "manifest.json").read_text())
    first, second = ({p.name: p.read_bytes() for p in f.iterdir()} for f in folders)
    assert first == second


@pytest.mark.usefixtures("quick_verilog")
def test_generate_into_a_place_that_cannot_be_written(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for folder in (file, file / "below"):
        sentence = _fails(capsys, "generate", "tiny", "-o", str(folder))
        assert sentence.startswith(f"folder {folder} cannot be written: ")
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("quick_verilog")
def test_generate_with_a_folder_in_the_way_leaves_all_as_it_was(
    tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "manifest.json").mkdir()
    (tmp_path / "tiny.v").write_text("old")
    sentence = _fails(capsys, "generate", "tiny", "-o", str(tmp_path))
    assert sentence == f"folder {tmp_path} cannot be written: manifest.json is a folder"
    assert (tmp_path / "tiny.v").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"manifest.json", "tiny.v"}


def test_a_failure_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match="cannot be written: No space left on device$"):
        write_files(tmp_path / "new", {"a": "text"})
    assert list(tmp_path.iterdir()) == []


# Errors.

ERRORS: list[tuple[list[str], str]] = [
    ([], "the following arguments are required: COMMAND (see 'matwright --help')"),
    (["show"], "the following arguments are required: CONFIG (see 'matwright show --help')"),
    (
        ["show", "huge"],
        (
            "CONFIG must be a preset (tiny, small, edge, server, decode, wide) or the path of a TOML "
            "file, not 'huge'"
        ),
    ),
    (
        ["generate", "edge"],
        "the following arguments are required: -o/--output (see 'matwright generate --help')",
    ),
    (["presets", "--jsn"], "unrecognized arguments: --jsn (see 'matwright --help')"),
    (
        ["show", "edge", "--json", "--toml"],
        "argument --toml: not allowed with argument --json (see 'matwright show --help')",
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), ERRORS, ids=lambda v: str(v)[:40])
def test_wrong_arguments(arguments: list[str], sentence: str, capsys: Capture) -> None:
    assert _fails(capsys, *arguments) == sentence


def test_unknown_command_is_named(capsys: Capture) -> None:
    assert "invalid choice: 'shw'" in _fails(capsys, "shw")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rows = 0\ncols = 4\n", "rows must be an integer from 1 to 256, not 0"),
        ("cols = 4\n", "rows must be given"),
        ("rows = 4\ncols = 4\n[bus]\nwdth = 3\n", "bus.wdth is not a field; the fields are "),
        ("rows = \n", "the text must be TOML: "),
    ],
)
def test_wrong_file(text: str, sentence: str, tmp_path: Path, capsys: Capture) -> None:
    path, folder = tmp_path / "mine.toml", tmp_path / "out"
    path.write_text(text)
    said = _fails(capsys, "generate", str(path), "-o", str(folder))
    assert said.startswith(f"{path}: {sentence}")
    assert not folder.exists()


def test_file_that_is_not_there(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "none.toml"
    assert _fails(capsys, "show", str(path)).startswith(f"{path} cannot be read: ")


# Commands of other packages.


def _register(subparsers: Subparsers) -> None:
    def run(arguments: argparse.Namespace) -> int:
        print(arguments.gemm)
        return 1

    parser = add_command(
        subparsers, "multiply", run, summary="s", details="d", example="matwright multiply"
    )
    parser.add_argument("--gemm", type=gemm)


def _plugin(monkeypatch: pytest.MonkeyPatch, load: Callable[[], object]) -> None:
    class Point(EntryPoint):
        def load(self) -> object:
            return load()

    points = [Point(name="sim", value="matwright_sim.commands:register", group=cli.ENTRY_POINTS)]
    monkeypatch.setattr(cli, "entry_points", lambda group: points)


def test_a_command_of_another_package(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    _plugin(monkeypatch, lambda: _register)
    assert cli.main(["multiply", "--gemm", "1, 20,3"]) == 1
    assert capsys.readouterr().out == "(1, 20, 3)\n"


def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def load() -> object:
        raise ModuleNotFoundError("No module named 'cocotb'", name="cocotb")

    _plugin(monkeypatch, load)
    assert _fails(capsys, "simulate").endswith(
        "; the commands of matwright_sim.commands need the package cocotb, which is not installed: "
        "pip install 'matwright[sim]'"
    )
    assert cli.main(["presets"]) == 0


@pytest.mark.parametrize(
    "text", ["", "1,2", "1,2,3,4", "0,1,1", "1,-2,3", "1,x,3", "1,2.0,3", "²,1,1"]
)
def test_a_gemm_is_three_positive_integers(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    _plugin(monkeypatch, lambda: _register)
    assert _fails(capsys, "multiply", f"--gemm={text}") == (
        f"argument --gemm: a GEMM must be three positive integers M,N,K, not {text!r} "
        "(see 'matwright multiply --help')"
    )


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def register(subparsers: Subparsers) -> None:
        def run(arguments: argparse.Namespace) -> int:
            raise KeyboardInterrupt

        add_command(subparsers, "wait", run, summary="s", details="d", example="matwright wait")

    _plugin(monkeypatch, lambda: register)
    assert cli.main(["wait"]) == 130
    assert capsys.readouterr().err == "matwright: error: interrupted\n"


def test_progress_is_silent_without_a_terminal(capsys: Capture) -> None:
    with progress() as bar:
        bar.add_task("work", total=1)
    assert capsys.readouterr() == ("", "")


# As a process.


def test_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "matwright", "show", "huge"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(Path(matwright.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("matwright: error: CONFIG must be a preset")


def test_a_reader_that_leaves_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "matwright", "show", "edge"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(matwright.__file__).parents[1])},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0
