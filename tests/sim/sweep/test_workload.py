# SPDX-License-Identifier: Apache-2.0
"""The workloads of a sweep: inline, CSV, models, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from matwright_sim.sweep import SweepError
from matwright_sim.sweep.workload import Shape, parse_workloads
from matwright_sim.workloads import decode, distinct, load, macs, prefill


def test_inline(tmp_path: Path) -> None:
    gemms = [[1, 2, 3], {"m": 4, "n": 5, "k": 6, "count": 7, "name": "x"}, [1, 2, 3]]
    (found,) = parse_workloads([{"gemms": gemms}], tmp_path)
    assert found.name == "workload1"
    assert found.gemms == (("gemm1+gemm3", Shape(1, 2, 3), 2), ("x", Shape(4, 5, 6), 7))
    assert found.macs == 2 * 6 + 7 * 120


def test_csv_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "my layers.csv").write_text("k,m,n\n3,1,2\n")
    (found,) = parse_workloads([{"csv": "my layers.csv", "raw": True}], tmp_path)
    assert found.name == "my-layers"
    assert found.gemms == (("line2", Shape(1, 2, 3, raw=True), 1),)


@pytest.mark.parametrize("name", ["llama-3-8b", "gpt-oss-20b"])
def test_models(name: str, tmp_path: Path) -> None:
    listed = [
        {"model": name, "phase": "decode", "batch": 3, "context": 100},
        {"model": name, "phase": "prefill", "tokens": 50, "fused": True, "name": "p"},
    ]
    found = parse_workloads(listed, tmp_path)
    steps = decode(load(name), 3, 100), prefill(load(name), 50, fused=True)
    assert [workload.name for workload in found] == [f"{name}-decode", "p"]
    for workload, step in zip(found, steps, strict=True):
        got = [(s.m, s.n, s.k, count) for _, s, count in workload.gemms]
        assert tuple(got) == distinct(step)
        assert workload.macs == macs(step)


def _refused(entry: Any, tmp_path: Path) -> str:
    with pytest.raises(SweepError) as refused:
        parse_workloads(entry if isinstance(entry, str) else [entry], tmp_path)
    return str(refused.value)


MODEL = {"model": "llama-3-8b", "phase": "decode", "batch": 1, "context": 1}


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("x", "workload must be a list of at least one table, not 'x'"),
        (4, "workload 1 must be a table, not 4"),
        ({}, "workload 1 must have one of gemms, csv, model, not none"),
        (
            {"gemms": [], "csv": ""},
            "workload 1 must have one of gemms, csv, model, not gemms and csv",
        ),
        ({"gemms": []}, "workload 1.gemms must be a list of at least one GEMM, not []"),
        ({"gemms": [[1, 2]]}, "workload 1.gemms must be lists [m, n, k] or tables"),
        ({"gemms": [[1, 2, 0]]}, "workload 1: k must be a positive integer, not 0"),
        ({"gemms": [{"m": 1, "n": 2}]}, "workload 1.gemms: k must be given in each, not in"),
        (
            {"gemms": [{"m": 1, "x": 2}]},
            "workload 1.gemms.x is not a field; the fields are m, n, k",
        ),
        ({"gemms": [{"m": 1, "n": 2, "k": 3, "name": 4}]}, "a name must be text, not 4"),
        ({"gemms": [[1, 2, 3]], "batch": 4}, "workload 1.batch is not a field"),
        ({"gemms": [[1, 2, 3]], "raw": 1}, "workload 1.raw must be true or false, not 1"),
        ({"gemms": [[1, 2, 3]], "name": "a b"}, "must be letters, digits, - and _, not 'a b'"),
        ({"csv": 4}, "workload 1.csv must be the path of a file, not 4"),
        ({"csv": "none.csv"}, "none.csv cannot be read"),
        (MODEL | {"model": "llama"}, "workload 1: llama is not a model; the models are"),
        (
            MODEL | {"model": 4},
            "workload 1.model must be a name or the path of a config.json, not 4",
        ),
        (
            MODEL | {"phase": "train"},
            "workload 1.phase must be one of prefill, decode, not 'train'",
        ),
        (MODEL | {"tokens": 4}, "workload 1.tokens is not a field; the fields are"),
        (MODEL | {"batch": 0}, "workload 1.batch must be an integer from 1 on, not 0"),
        (MODEL | {"fused": 0}, "workload 1.fused must be true or false, not 0"),
        (
            {"model": "llama-3-8b", "phase": "decode", "batch": 1},
            "workload 1.context must be given for decode",
        ),
        (
            {"model": "llama-3-8b", "phase": "prefill"},
            "workload 1.tokens must be given for prefill",
        ),
    ],
)
def test_refusals(entry: Any, sentence: str, tmp_path: Path) -> None:
    assert sentence in _refused(entry, tmp_path)


def test_a_model_without_a_field(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "hidden_size": 64}))
    told = _refused(MODEL | {"model": "config.json"}, tmp_path)
    assert told.startswith("workload 1: ")
    assert "config.json" in told and told.endswith("must be given")


def test_names_are_distinct(tmp_path: Path) -> None:
    listed = [{"name": "a", "gemms": [[1, 1, 1]]}] * 2
    with pytest.raises(SweepError, match="workload 2 must have a name of its own, not 'a'"):
        parse_workloads(listed, tmp_path)
