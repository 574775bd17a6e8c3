# SPDX-License-Identifier: Apache-2.0
"""The page on workloads says what the code does."""

import re
from pathlib import Path

import pytest

import workloads_table
from matwright_sim.workloads import decode, load, names, prefill
from matwright_sim.workloads.hugging_face import FAMILIES

PAGE = (Path(__file__).parents[3] / workloads_table.PAGE).read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_of_models_is_that_of_the_code() -> None:
    assert workloads_table.updated(PAGE) == PAGE, "run scripts/workloads_table.py"


def test_every_family_is_named() -> None:
    assert all(f"`{family}`" in PAGE for family in FAMILIES)


def test_every_product_is_named() -> None:
    found = {g.name for n in names() for g in (*decode(load(n), 2, 9), *prefill(load(n), 9))}
    for name in found:
        assert f"`{name}`" in PAGE or f"`{name.partition('.')[0]}.gate`, ..." in PAGE, name


def test_the_first_example(capsys: pytest.CaptureFixture[str]) -> None:
    exec(BLOCKS[0], {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "20,914,757,184 parameters, 3,608,307,264 of them active"
    assert lines[1:4] == ["q 32 4096 2880 24", "k 32 512 2880 24", "v 32 512 2880 24"]


def test_the_example_of_chips(capsys: pytest.CaptureFixture[str]) -> None:
    exec(BLOCKS[2], {})
    lines = capsys.readouterr().out.splitlines()
    for line, shown in [(lines[0], "2460 to 2765 GB/s"), (lines[2], "166.004 to 186.585 MAC")]:
        assert line == shown
        assert shown in BLOCKS[2]
