# SPDX-License-Identifier: Apache-2.0
"""``matwright verify`` and ``matwright replay``: what they print, leave behind and refuse."""

import dataclasses
import json
from pathlib import Path

import pytest

from matwright import cli
from matwright.presets import PRESETS
from matwright_sim.verify.check import Outcome

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("verify", "unheard"), "CONFIG must be a preset"),
        (("verify", "tiny", "--only", "nothing"), "must be checks of "),
        (("verify", "tiny", "--seed", "0"), "must be an integer from 1 to 2147483647, not '0'"),
        (("verify", "tiny", "--jobs", "none"), "must be an integer from 1 to 1024, not 'none'"),
        (("verify", "tiny", "--quick", "--full"), "--full: not allowed with argument --quick"),
        (("verify", "tiny", "-o", "file"), "file cannot be written: File exists"),
        (("replay", "nowhere.json"), "nowhere.json cannot be read: No such file or directory"),
        (("replay", "file"), "file must be the case of a failure, as verify writes it"),
        (("replay", "file", "--trace", "w.vcd"), "file must be the case of a failure, as verify"),
    ],
)
def test_refusals(arguments: tuple[str, ...], sentence: str, capsys: Capture) -> None:
    Path("file").write_text("")
    assert cli.main(list(arguments)) == 2
    assert sentence in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["file"]


@pytest.mark.usefixtures("made_up")
def test_for_people(capsys: Capture) -> None:
    assert cli.main(["verify", "tiny", "--only", "good,bad,missed,silent"]) == 1
    text = capsys.readouterr().out
    case = Path("build", "verify", "tiny", "bad-1.json")
    for words in (
        "verify tiny",
        "seed 1; <share> 0.98765",
        "goal missed: killed; killed 0.5",
        "it has no counters",
        f"bad: D differs\n  matwright replay {case}",
        "missed: goal missed: killed\n  matwright verify tiny --quick --only missed --seed 1",
        "bad: and another\n  matwright verify tiny --quick --only bad --seed 1",
        "quick campaign, seed 1, ",
        f"report: {case.with_name('verify.html')}",
    ):
        assert words in text, words
    assert cli.main(["replay", str(case)]) == 1
    assert capsys.readouterr().out == "found: D differs\nnow:   D differs on tiny\n"


@pytest.mark.usefixtures("made_up")
def test_for_scripts(capsys: Capture) -> None:
    arguments = ["verify", "tiny", "--only", "bad", "--seed", "4", "-o", "mine", "--json"]
    assert cli.main(arguments) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == ["mine/verify.json", "mine/verify.html"]
    written = json.loads(Path("mine/verify.json").read_text())
    assert told == written | {"files": told["files"]} and told["seed"] == 4
    case = told["checks"][0]["failures"][0]["file"]
    text = Path(case).read_text()
    Path(case).write_text(text.replace('name = \\"tiny\\"', 'name = \\"mended\\"'))
    assert cli.main(["replay", case, "--trace", "wave.vcd", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["failed"], again["trace"], again["notes"]) == (False, "wave.vcd", ["mended"])


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("kind", "trace", "sentence"),
    [
        ("nothing to say", None, "case.json cannot be replayed: there is no proof called 'x'\n"),
        ("tool", None, "error: yosys is not on PATH; install it with pip install"),
        ("text", None, "what is in it does not run (KeyError: 'count')"),
        ("assertion", "w.vcd", "a case of piped must be replayed without a waveform: it has none"),
    ],
)
def test_cases_that_cannot_be_replayed(
    kind: str, trace: str | None, sentence: str, capsys: Capture
) -> None:
    """One sentence, exit status 2, no traceback and no file."""
    case = {"check": "piped", "what": "w", "seed": 1, "config": PRESETS["tiny"].to_toml()}
    Path("case.json").write_text(json.dumps(case | {"case": {"kind": kind}}))
    arguments = ["replay", "case.json", *(["--trace", trace] if trace else [])]
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["case.json"]


@pytest.mark.usefixtures("made_up")
def test_a_waveform_is_told_where_there_is_one(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import made_up

    assert cli.main(["verify", "tiny", "--only", "bad", "-o", "my dir"]) == 1
    printed = capsys.readouterr().out
    assert "matwright replay 'my dir/bad-1.json'" in printed
    assert "matwright verify tiny --quick --only bad --seed 1 -o 'my dir'" in printed
    replayed = ["replay", "my dir/bad-1.json", "--trace"]
    assert cli.main([*replayed, "wave.vcd"]) == 1
    assert capsys.readouterr().out.endswith("waveform: wave.vcd\n")
    assert cli.main([*replayed, "wave.png"]) == 2
    sentence = "the waveform of a case of bad must end in .vcd or .fst, not 'wave.png'"
    assert sentence in capsys.readouterr().err
    bad = made_up.CHECKS["bad"]
    one = dataclasses.replace(bad, waves=(".vcd",), replay=lambda task, case, trace: Outcome())
    monkeypatch.setitem(made_up.CHECKS, "bad", one)
    assert cli.main([*replayed, "wave.fst"]) == 2
    sentence = "the waveform of a case of bad must end in .vcd, not 'wave.fst'"
    assert sentence in capsys.readouterr().err
    assert cli.main([*replayed, "none.vcd"]) == 0
    assert capsys.readouterr().out == "found: D differs\nnow:   it passes\n"
    assert {path.name for path in Path().iterdir()} == {"my dir", "wave.vcd"}


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("names", "status", "missing"),
    [("good,silent", 0, False), ("good,needy", 3, True), ("silent", 3, False)],
)
def test_exit_status(names: str, status: int, missing: bool, capsys: Capture) -> None:
    assert cli.main(["verify", "tiny", "--only", names]) == status
    said = capsys.readouterr().err
    sentence = "prover is not on PATH; install it with `apt-get install prover`"
    assert said == (f"matwright: error: {sentence}\n" if missing else "")
