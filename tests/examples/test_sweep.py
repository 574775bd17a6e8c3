# SPDX-License-Identifier: Apache-2.0
"""The committed sweep: its table is that of its description, and says what the page says."""

import json
import random

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
    """Of four points drawn, all GEMMs that take a moment."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    shapes = sorted(SWEEP.shapes, key=lambda shape: shape.macs)[:6]
    places = [SWEEP.shapes.index(shape) for shape in shapes]
    points = make_points(SWEEP)
    for point in random.Random(seed).sample(points, 4):
        assert point.config is not None
        (cycles,) = model_cycles([point.config], shapes, SWEEP.memory)
        kept = DATA["gemms"]["cycles"][point.number]
        assert [kept[place] for place in places] == list(cycles), HINT


def test_the_page_has_the_answer_of_the_table() -> None:
    page = example.PAGE.read_text()
    assert example.updated(page, example.answer(ROWS)) == page, HINT
    best = {
        name: min(ROWS, key=lambda row: int(row[f"{name}.cycles"])) for name in ("llama", "gpt_oss")
    }

    def ratio(name: str, rows: int, cols: int, load_rows: int) -> float:
        wanted = {"rows": str(rows), "cols": str(cols), "load_rows": str(load_rows)}
        (row,) = [row for row in ROWS if wanted.items() <= row.items()]
        return int(row[f"{name}.cycles"]) / int(best[name][f"{name}.cycles"])

    # What the page says in words.
    assert ratio("llama", 16, 128, 4) < 1.01 and round(ratio("llama", 16, 32, 4), 1) == 2.8
    assert ratio("gpt_oss", 16, 32, 4) < 1.06 and ratio("gpt_oss", 32, 32, 4) < 1.02
    assert round(ratio("gpt_oss", 16, 32, 1) / ratio("gpt_oss", 16, 32, 4), 1) == 1.9


def test_the_data_makes_a_report() -> None:
    page = render(DATA)
    assert "<title>arrays - sweep</title>" in page and len(page) < 100_000
