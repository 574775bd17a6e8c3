# SPDX-License-Identifier: Apache-2.0
"""``matwright cycles``: the figures of ``matwright simulate``, predicted; what it and ``explain`` refuse."""

import json
from typing import Any

import pytest

from matwright import cli
from matwright.presets import PRESETS

Capture = pytest.CaptureFixture[str]


def told(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert cli.main([*arguments, "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize(
    ("config", "shape", "options"),
    [
        ("edge", "17,5,33", ()),
        ("edge", "100,130,70", ("--raw",)),
        ("small", "1,64,200", ("--latency", "7")),
        ("small", "65,33,129", ("--raw", "--latency", "90")),
        ("tiny", "9,20,13", ()),
    ],
)
def test_the_same_as_the_verilog(
    config: str, shape: str, options: tuple[str, ...], capsys: Capture
) -> None:
    """Every figure that both commands tell is the same; a machine without counters has them too."""
    predicted = told(capsys, "cycles", config, "--gemm", shape, *options)
    simulated = told(capsys, "simulate", config, "--gemm", shape, *options)
    both = (predicted.keys() & simulated.keys()) - {"seconds"}
    if not PRESETS[config].build.counters:
        both -= {"counters", "padded_macs"}
    assert both >= {"cycles", "macs", "utilization", "tiling", "latency", "config_sha256"}
    assert {key: predicted[key] for key in both} == {key: simulated[key] for key in both}


def test_for_people(capsys: Capture) -> None:
    assert cli.main(["cycles", "edge", "--gemm", "512,512,512"]) == 0
    text = capsys.readouterr().out
    for word in ("512, 512, 512 to int8", "of the array's peak", "where did the time go?"):
        assert word in text


def test_a_tiling_of_ones_own(capsys: Capture) -> None:
    """Taken by model and hardware alike, and told as such."""
    arguments = ["small", "--gemm", "20,30,40", "--tiling", "5,2,4", "--json"]
    results = []
    for command in ("cycles", "simulate"):
        assert cli.main([command, *arguments]) == 0
        results.append(json.loads(capsys.readouterr().out))
    predicted, simulated = results
    cut = {"tile_rows": 5, "n_panels_log2": 1, "k_panels_log2": 2, "by": "caller"}
    assert predicted["tiling"] == simulated["tiling"] == cut
    assert predicted["cycles"] == simulated["cycles"]
    assert cli.main(["cycles", *arguments[:-1]]) == 0
    text = capsys.readouterr().out
    assert "blocks of 5 rows x 2 column panels, chunks of 4 panels of K: as asked for" in text


@pytest.mark.parametrize("command", ["cycles", "explain"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tiny", "--gemm", "1,2"), "a GEMM must be three positive integers M,N,K, not '1,2'"),
        (("tiny", "--gemm", "1,1,7000"), "k must be at most 1023, the limit of tiny, not 7000"),
        (("tiny", "--gemm", "1,1,1", "--latency", "0"), "from 1 to 100000, not '0'"),
        (("edge", "--gemm", "1000000,1000000,1"), "device memory must have"),
        (
            ("edge", "--gemm", "1,1,1", "--tiling", "8,3,1"),
            "must be rows and two powers of two R,P,C, all positive, not '8,3,1'",
        ),
        (("edge", "--gemm", "1,1,1", "--tiling", "8,2"), "R,P,C, all positive, not '8,2'"),
        (("edge", "--gemm", "1,1,1", "--tiling", "0,1,1"), "all positive, not '0,1,1'"),
        (("edge", "--gemm", "1,1,1", "--tiling", "999,8,1"), "tiling must fit the SRAM of edge"),
    ],
)
def test_refusals(command: str, arguments: tuple[str, ...], sentence: str, capsys: Capture) -> None:
    assert cli.main([command, *arguments]) == 2
    assert sentence in capsys.readouterr().err
