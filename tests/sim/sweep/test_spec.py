# SPDX-License-Identifier: Apache-2.0
"""The description of a sweep: what a file says, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from matwright.presets import PRESETS
from matwright_sim.sweep import Sweep, SweepError, make_points

LEAST: dict[str, Any] = {"axes": {"rows": [4]}, "workload": [{"gemms": [[1, 2, 3]]}]}


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "3 arrays.toml"
    path.write_text(
        '[base]\npreset = "edge"\nbus.max_burst = 16\n[axes]\nrows = [8, 16]\n'
        "[memory]\nlatency = 9\nwrite_latency = 5\n[[workload]]\ngemms = [[1, 2, 3]]\n"
    )
    sweep = Sweep.read(path)
    assert sweep.name == "_3_arrays"
    assert (sweep.memory.read_latency, sweep.memory.write_latency) == (9, 5)
    configs = [point.config for point in make_points(sweep)]
    for rows, config in zip((8, 16), configs, strict=True):
        assert config is not None
        plain = PRESETS["edge"].to_dict() | {"name": "_3_arrays", "rows": rows}
        assert config.to_dict() == plain | {"bus": plain["bus"] | {"max_burst": 16}}


def test_a_base_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PRESETS["wide"].to_toml())
    data = LEAST | {"base": {"config": "mine.toml", "name": "mine", "bus.windows": 8}}
    (point,) = make_points(Sweep.from_dict(data, tmp_path))
    assert point.config is not None
    assert (point.config.name, point.config.cols, point.config.bus.windows) == ("mine", 16, 8)


def test_the_digest_is_of_the_meaning() -> None:
    digest = Sweep.from_dict(LEAST).digest
    inline = [{"gemms": [{"m": 1, "n": 2, "k": 3}], "name": "workload1"}]
    same = {"workload": inline, "axes": {"rows": {"from": 4, "to": 4}}, "memory": {"latency": 40}}
    assert Sweep.from_dict(same).digest == digest
    for other in (
        {"axes": {"rows": [8]}},
        {"workload": [{"gemms": [[1, 2, 4]]}]},
        {"memory": {"latency": 41}},
        {"base": {"cols": 8}},
        {"name": "other"},
        {"metrics": {"rtl": {}}},
    ):
        assert Sweep.from_dict(LEAST | other).digest != digest


def _with(**fields: Any) -> dict[str, Any]:
    return LEAST | fields


SYNTH = {"family": "ecp5", "device": "85k"}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"axes": {"rows": [4]}}, "workload must be given"),
        ({"workload": []}, "axes must be given"),
        (_with(axis={}), "axis is not a field; the fields are name, base, axes, workload, memory"),
        (_with(name="a b"), "name must be an identifier of ASCII letters, digits and _, not 'a b'"),
        (_with(axes=4), "axes must be a table, not 4"),
        (_with(base=4), "base must be a table, not 4"),
        (_with(base={"rowz": 4}), "base.rowz is not a field; the fields are preset, config, name"),
        (_with(base={"bus": {"width": 4}}), "base.bus.width is not a field; the fields are data_w"),
        (_with(base={"bus": 4}), "base.bus must be a table, not 4"),
        (_with(base={"preset": "huge"}), "base: huge is not a preset; the presets are tiny"),
        (_with(base={"preset": 4}), "base.preset must be text, not 4"),
        (_with(base={"config": "no.toml"}), "base: no.toml cannot be read"),
        (_with(base={"preset": "edge", "config": "x"}), "base must have one of preset and config"),
        (_with(memory={"latency": 0}), "memory.latency must be an integer from 1 to 100000, not 0"),
        (_with(memory={"read_latency": "a"}), "memory.read_latency must be an integer from 1"),
        (_with(memory={"width": 4}), "memory.width is not a field; the fields are latency"),
        (_with(metrics={"area": {}}), "metrics.area is not a field; the fields are rtl, synth"),
        (_with(metrics={"rtl": 4}), "metrics.rtl must be a table, not 4"),
        (_with(metrics={"rtl": {"points": 4}}), "metrics.rtl.points is not a field"),
        (
            _with(metrics={"rtl": {"count": 0}}),
            "metrics.rtl.count must be an integer from 1 on, not 0",
        ),
        (
            _with(metrics={"rtl": {"max_macs": 5}}),
            "must admit one of the GEMMs, the smallest of which ",
        ),
        (_with(metrics={"synth": {"family": "ecp5"}}), "metrics.synth.device must be given"),
        (
            _with(metrics={"synth": SYNTH | {"device": 4}}),
            "metrics.synth.device must be text, not 4",
        ),
        (
            _with(metrics={"synth": SYNTH | {"family": "v7"}}),
            "metrics.synth: the family must be one of",
        ),
        (
            _with(metrics={"synth": SYNTH | {"seeds": 0}}),
            "metrics.synth.seeds must be an integer from 1 to 100, not 0",
        ),
        (
            _with(metrics={"synth": SYNTH | {"frequency": 0}}),
            "metrics.synth.frequency must be an integer from 1 to 1000, not 0",
        ),
        (
            _with(axes={"rows": {"from": 1, "to": 2000}, "cols": {"from": 1, "to": 1000}}),
            "axes must make at most 1000000 points, not 2000000",
        ),
    ],
)
def test_refusals(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SweepError) as refused:
        Sweep.from_dict(data)
    assert str(refused.value).startswith(sentence) or sentence in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("rows = ", "the text must be TOML"), ("[axes]\nrows = [4]\n", "workload must be given")],
)
def test_errors_of_a_file_name_it(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(SweepError, match=f"bad.toml: {sentence}"):
        Sweep.read(path)
    with pytest.raises(SweepError, match=r"none.toml cannot be read"):
        Sweep.read(tmp_path / "none.toml")
