# SPDX-License-Identifier: Apache-2.0
"""The planted bugs can be planted: each applies to the code as it is, and names a test that is there.

That each is caught is shown by ``scripts/planted_bugs.py``, which takes minutes.
"""

import ast
import json
from pathlib import Path

import pytest

import planted_bugs
from matwright.presets import PRESETS
from matwright_sim.verify.campaign import CHECKS
from planted_bugs import Planted

ROOT = Path(__file__).parents[1]
BUGS = planted_bugs.planted()


def test_there_are_enough() -> None:
    assert len(BUGS) >= 20
    assert sum(bool(bug.check) for bug in BUGS) >= 12


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_applies(bug: Planted) -> None:
    planted_bugs.apply(bug, ROOT, check=True)
    file, _, name = bug.test.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert not name or name in functions


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.check], ids=lambda bug: bug.name)
def test_names_a_check_and_what_it_runs_on(bug: Planted) -> None:
    assert bug.check in CHECKS
    assert bug.config in PRESETS or bug.patch.with_name(bug.config).is_file()


@pytest.mark.parametrize("text", ["", "Bug: x\n", "Test: y\nBug: x\n"])
def test_a_patch_says_what_and_who(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests" / "planted").mkdir(parents=True)
    (tmp_path / "tests" / "planted" / "some.patch").write_text(text)
    monkeypatch.setattr(planted_bugs, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="some.patch must begin with a line Bug: and a line Test:"):
        planted_bugs.planted()


@pytest.mark.parametrize(
    ("failures", "met", "code"), [(["one"], True, 1), ([], False, 1), ([], True, -1)]
)
def test_a_check_that_broke_off_has_not_caught_a_bug(
    failures: list[str], met: bool, code: int, tmp_path: Path
) -> None:
    report = tmp_path / "verify.json"
    assert planted_bugs.found(report, "faults") == -1
    check = {"name": "faults", "failures": failures, "figures": [{"met": met}]}
    report.write_text(json.dumps({"checks": [check]}), encoding="utf-8")
    assert planted_bugs.found(report, "faults") == code
    assert planted_bugs.found(report, "shapes") == -1


def test_a_patch_that_does_not_apply(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.patch must apply, but git says"):
        planted_bugs.apply(BUGS[0], tmp_path)
