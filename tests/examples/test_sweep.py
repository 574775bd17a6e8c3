# SPDX-License-Identifier: Apache-2.0
"""The committed sweep: its table is that of its description, and says what the page says."""

import json

import make_sweep_example as example
from matwright_sim.sweep import Sweep, make_points
from matwright_sim.sweep.measure import model_cycles
from matwright_sim.sweep.report import render

ROWS = example.read_rows(example.TABLE)
SWEEP = Sweep.read(example.SWEEP)
DATA = json.loads(example.DATA.read_text())
HINT = "run scripts/make_sweep_example.py"


def test_the_table_and_the_data_are_of_this_sweep() -> None:
    points = make_points(SWEEP)
    assert DATA["digest"] == SWEEP.digest, HINT
    assert len(ROWS) == len(points) == len(DATA["points"])
    columns = {column["name"]: column["values"] for column in DATA["columns"]}
    for point, row in zip(points, ROWS, strict=True):
        assert point.config is not None and point.config.digest == row["config_sha256"], HINT
        for load in SWEEP.workloads:
            assert int(row[f"{load.name}.cycles"]) == columns[f"{load.name}.cycles"][point.number]


def test_its_cycles_are_those_of_the_model() -> None:
    configs = [point.config for point in make_points(SWEEP) if point.config is not None]
    cycles = model_cycles(configs, SWEEP.shapes, SWEEP.memory)
    assert DATA["gemms"]["cycles"] == cycles.tolist(), HINT


def test_the_page_has_the_answer_of_the_table() -> None:
    page = example.PAGE.read_text()
    assert example.updated(page, example.answer(ROWS)) == page, HINT
    best = {name: min(int(row[f"{name}.cycles"]) for row in ROWS) for name in ("llama", "gpt_oss")}

    def ratio(name: str, rows: int, cols: int, load_rows: int) -> float:
        wanted = {"rows": str(rows), "cols": str(cols), "load_rows": str(load_rows)}
        (row,) = [row for row in ROWS if wanted.items() <= row.items()]
        return int(row[f"{name}.cycles"]) / best[name]

    # What the page says in words.
    assert ratio("llama", 16, 128, 1) < 1.01 and round(ratio("llama", 8, 64, 1), 1) == 2.8
    assert ratio("gpt_oss", 8, 64, 1) < 1.06 and ratio("gpt_oss", 16, 64, 1) < 1.02
    assert round(ratio("gpt_oss", 16, 32, 1) / ratio("gpt_oss", 8, 64, 1), 1) == 1.9
    assert ratio("gpt_oss", 64, 64, 1) < 1.01 < 1.03 < ratio("gpt_oss", 64, 128, 1)


def test_the_data_makes_a_report() -> None:
    page = render(DATA)
    assert "<title>arrays - sweep</title>" in page and len(page) < 100_000
