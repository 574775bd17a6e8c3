# SPDX-License-Identifier: Apache-2.0
"""Chips as data: their numbers, what follows from them, and what does not."""

import copy
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest

from matwright_sim import chips
from matwright_sim.chips import (
    Chip,
    ChipError,
    Quantity,
    UnknownQuantity,
    array_peak,
    load,
    machine_balance,
    names,
    peak,
    roofline,
)
from matwright_sim.workloads import Gemm, decode
from matwright_sim.workloads import load as load_model

FOLDER = Path(chips.__file__).parent / "presets" / "chips"


def _number(
    unit: str = "", low: float | None = 1, high: float | None = None, **more: Any
) -> Quantity:
    fields = {"name": "x", "status": "published", "sources": ("a",)} | more
    return Quantity(unit=unit, low=low, high=low if high is None else high, **fields)


def _message(call: Any, kind: type[Exception] = ChipError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


# The chips that ship.


def test_there_are_the_chips_one_looks_for() -> None:
    tpus = {
        f"tpu-{v}" for v in ("v1", "v2", "v3", "v4i", "v4", "v5e", "v5p", "v6e", "v7x", "8i", "8t")
    }
    others = {"trainium1", "trainium2", "trainium3", "inferentia2", "mtia-v1", "mtia-v2"}
    others |= {"maia-100", "maia-200", "h100-sxm", "b200-sxm", "dojo-d1", "jalapeno"}
    assert set(names()) == tpus | others


@pytest.mark.parametrize("name", names())
def test_each_number_has_unit_source_and_status(name: str) -> None:
    chip = load(name)
    assert chip.name == name
    assert chip.peak
    for key, quantity in chip.quantities.items():
        assert quantity.name == f"{key} of {name}"
        assert chips.is_unit(quantity.unit), key
        assert quantity.status in chips.STATUSES, key
        assert quantity.sources, key
        assert all(len(source) > 10 for source in quantity.sources), key
        assert not any("http" in source for source in quantity.sources), key
        assert quantity.known or quantity.status == "unknown", key
    if chip.rows.known and chip.macs.known and name.startswith(("tpu", "trainium", "inferentia")):
        assert (chip.rows * chip.cols).value == chip.macs.value


# MACs that memory leaves time for, for each weight fetched; in the format, as published tables have it.
BALANCE = {
    ("tpu-v1", "int8"): 1353,
    ("tpu-v4i", "bf16"): 223,
    ("tpu-v4", "bf16"): 224,
    ("tpu-v5e", "bf16"): 240,
    ("tpu-v5p", "bf16"): 166,
    ("tpu-v6e", "bf16"): 560,
    ("tpu-v7x", "fp8"): 313,
    ("tpu-8i", "fp8"): 512,
    ("inferentia2", "bf16"): 232,
    ("trainium1", "bf16"): 233,
    ("trainium2", "bf16"): 230,
    ("trainium2", "fp8"): 224,
    ("trainium3", "mxfp8"): 264,
    ("h100-sxm", "bf16"): 295,
    ("b200-sxm", "bf16"): 281,
}


@pytest.mark.parametrize(("name", "form"), BALANCE)
def test_machine_balance(name: str, form: str) -> None:
    low, high = machine_balance(load(name), form).to("MAC").bounds
    assert low - 0.5 <= BALANCE[name, form] <= high + 0.5
    # Sources agree within a tenth, or so.
    assert high / low < 1.13


# Peaks in TOP/s of all arrays at their clock, as their makers state them.
PEAK = {
    "tpu-v1": ("int8", 92),
    "tpu-v2": ("bf16", 46),
    "tpu-v3": ("bf16", 123),
    "tpu-v4i": ("bf16", 138),
    "tpu-v4": ("bf16", 275),
    "tpu-v5e": ("bf16", 197),
    "tpu-v5p": ("bf16", 459),
    "h100-sxm": ("bf16", 989),
    "mtia-v1": ("int8", 102.4),
    "mtia-v2": ("int8", 354),
    "dojo-d1": ("bf16", 362),
}


@pytest.mark.parametrize("name", PEAK)
def test_peaks_follow_from_arrays_and_clock(name: str) -> None:
    chip = load(name)
    form, stated = PEAK[name]
    assert chip.macs_format == form
    assert array_peak(chip).to("TOP/s").value == pytest.approx(stated, abs=0.51)
    low, high = peak(chip, form).to("TOP/s").bounds
    assert low - 1e-9 <= stated <= high + 1e-9


@pytest.mark.parametrize(
    ("name", "stated"), [("trainium1", 190), ("trainium2", 667), ("trainium3", 671)]
)
def test_peaks_that_say_more_than_clock_and_array(name: str, stated: float) -> None:
    # 2.8 and 2.4 GHz over arrays of 128 x 128 are 4 and 6 % less than what is stated.
    chip = load(name)
    assert 0.93 < array_peak(chip).to("TOP/s").value / stated < 0.97
    assert peak(chip, "bf16").to("TOP/s").bounds[0] == pytest.approx(stated)


def test_what_is_unknown_stays_so() -> None:
    for name in ("tpu-v6e", "tpu-v7x", "tpu-8i", "tpu-8t", "maia-100"):
        assert not load(name).clock.known
        with pytest.raises(UnknownQuantity):
            array_peak(load(name))
    assert str(load("tpu-v6e").clock) == "unknown"
    assert (
        _message(lambda: array_peak(load("tpu-v6e")), UnknownQuantity)
        == "macs of tpu-v6e is not known: the rate inside a unit is not public"
    )
    assert (
        _message(lambda: machine_balance(load("dojo-d1"), "bf16"), UnknownQuantity)
        == "bandwidth of dojo-d1 is not known: the chip has no memory of its own"
    )
    jalapeno = load("jalapeno")
    assert all(not q.known for key, q in jalapeno.quantities.items() if key != "other.die")
    with pytest.raises(UnknownQuantity):
        roofline(jalapeno, [Gemm("x", 1, 1, 1)], "bf16")


def test_a_lower_bound_is_an_interval() -> None:
    maia = load("maia-200")
    assert maia.peak["fp4"].bounds == (10000, math.inf)
    balance = machine_balance(maia, "fp4")
    assert balance.bounds == (pytest.approx(10e15 / 2 / 7e12 / 2), math.inf)
    gemms = [Gemm("x", 1000, 1000, 1000)]
    low, high = roofline(maia, gemms, "fp4").bounds
    assert low == pytest.approx(500_000 / 7e12)  # memory alone
    assert high == pytest.approx(1e9 / 5e15)


def test_sources_that_disagree() -> None:
    bandwidth = load("tpu-v5p").bandwidth
    assert bandwidth.to("TB/s").bounds == (pytest.approx(2.46), pytest.approx(2.765))
    assert len(bandwidth.sources) == 2
    assert str(bandwidth) == "2460 to 2765 GB/s"
    balance = machine_balance(load("tpu-v5p"), "bf16")
    assert (balance.status, set(bandwidth.sources) <= set(balance.sources)) == ("derived", True)
    assert _message(lambda: bandwidth.value) == (
        "bandwidth of tpu-v5p must be one value, not from 2460 to 2765 GB/s"
    )
    assert machine_balance(load("mtia-v2"), "int8").status == "assumed"


def test_balance_of_narrower_weights() -> None:
    chip = load("trainium2")
    wide, narrow = machine_balance(chip, "bf16"), machine_balance(chip, "bf16", 4)
    assert narrow.bounds == pytest.approx([end / 4 for end in wide.bounds])


def test_formats() -> None:
    chip = load("tpu-v4")
    message = "the format must be one that tpu-v4 has a peak for (bf16, int8), not 'fp4'"
    assert _message(lambda: peak(chip, "fp4")) == message
    assert _message(lambda: machine_balance(chip, "fp4")) == message
    assert _message(lambda: roofline(chip, [], "fp4")) == message
    assert _message(lambda: load("tpu-v9")) == (
        f"tpu-v9 is not a chip; the chips are {', '.join(names())}"
    )


# Roofline.


def test_roofline_of_one_gemm() -> None:
    chip = load("tpu-v1")  # 46e12 MAC/s, 34e9 B/s
    compute = Gemm("x", 100_000, 1000, 1000, 2)
    assert roofline(chip, [compute], "int8").value == pytest.approx(2e11 / 46e12)
    memory = Gemm("x", 1, 1000, 1000, 2)
    assert roofline(chip, [memory], "int8").value == pytest.approx(2e6 / 34e9)
    assert roofline(chip, [memory], "int8", weight_bits=4).value == pytest.approx(1e6 / 34e9)
    both = roofline(chip, [memory, compute], "int8")
    assert both.value == pytest.approx(2e11 / 46e12 + 2e6 / 34e9)
    assert (both.unit, both.status) == ("s", "derived")
    cached = Gemm("x", 1, 1000, 1000, 2, weights=False)
    assert roofline(chip, [cached], "int8", weight_bits=4).value == pytest.approx(2e6 / 34e9)
    assert roofline(chip, [cached], "int8", kv_bits=16).value == pytest.approx(4e6 / 34e9)
    assert roofline(chip, [], "int8").value == 0


def test_rows_of_the_balance_take_as_long_either_way() -> None:
    for name, form in BALANCE:
        chip = load(name)
        low, high = machine_balance(chip, form).bounds
        below, above = (Gemm("x", m, 512, 512) for m in (int(low), math.ceil(high) + 1))
        fetch = 512 * 512 * chips.BITS[form] / 8
        slow, fast = chip.bandwidth.to("B/s").bounds
        assert roofline(chip, [below], form).bounds == pytest.approx((fetch / fast, fetch / slow))
        assert roofline(chip, [above], form).low == pytest.approx(
            above.macs / peak(chip, form).bounds[1]
        )


def test_a_decode_of_one_is_bound_by_memory() -> None:
    model, chip = load_model("llama-3-8b"), load("tpu-v5e")
    gemms = decode(model, 1, 2048)
    low, high = roofline(chip, gemms, "int8").bounds
    fetched = model.weight_macs + model.kv_elements(2048)
    assert low == pytest.approx(fetched / 820e9)
    assert high == pytest.approx(fetched / 819e9)


def test_a_chip_that_brings_nothing() -> None:
    data = tomllib.loads((FOLDER / "tpu-v4.toml").read_text())
    data["bandwidth"] = {"high": 5, "unit": "GB/s", "source": "me", "status": "unknown"}
    chip = Chip.from_dict("mine", data)
    assert chip.bandwidth.bounds == (0, 5)
    assert _message(lambda: roofline(chip, [], "bf16")) == (
        "peak and bandwidth of mine must not be 0, not 1.375e+14 MAC/s and 0 to 5e+09 B/s"
    )
    assert _message(lambda: machine_balance(chip, "bf16")) == (
        "bandwidth of mine must not be 0 where it divides"
    )
    assert (chip.bandwidth * 2).status == "unknown"


# Quantities.


def test_arithmetic_is_by_intervals() -> None:
    a, b = _number("GB/s", 2, 3), _number("s", 4, 5, name="y", sources=("b",))
    product = a * b
    assert (product.unit, product.bounds) == ("B", (8e9, 15e9))
    assert (product.name, product.sources, product.status) == ("x * y", ("a", "b"), "derived")
    assert (a / _number("MB", 1, 2)).unit == "Hz"
    assert (a / _number("MB", 1, 2)).bounds == (1000, 3000)
    assert (a + _number("B/s", 1e9)).bounds == (3, 4)
    assert (2 * a).bounds == (4e9, 6e9)
    assert (a / 2).bounds == (1e9, 1.5e9)
    assert (a * _number("", 0, math.inf)).bounds == (0, math.inf)
    assert (_number("", 0) * _number("", 0, math.inf)).bounds == (0, 0)
    assert (_number("s", 1, status="assumed") * a).status == "assumed"
    assert a.to("B/s").bounds == (2e9, 3e9)
    assert _number("TOP/s", 2).to("MAC/s").value == 1e12
    assert _number("GiB", 1).to("MiB").value == 1024
    assert str(_number("", 3)) == "3"


def test_arithmetic_refuses() -> None:
    a = _number("GB/s", 2, 3)
    assert _message(lambda: a + _number("s", name="y")) == ("y must be in 's', not 'GB/s'")
    assert _message(lambda: a.to("W")) == "x must be in 'B/s', 'GB/s', 'GiB/s', 'TB/s', not 'W'"
    assert _message(lambda: a * _number("W", name="y")) == (
        "x * y must have a unit that is known, not {'B': 1, 'W': 1, 's': -1}"
    )
    assert _message(lambda: a / 0) == "0 must not be 0 where it divides"
    unknown = Quantity(
        name="z", unit="s", low=None, high=None, status="unknown", sources=("n", "m")
    )
    for call in (
        lambda: a * unknown,
        lambda: unknown * a,
        lambda: unknown / 2,
        lambda: unknown.value,
    ):
        assert _message(call, UnknownQuantity) == "z is not known: n; m"


# Files.


def _changed(change: dict[str, Any]) -> dict[str, Any]:
    data = copy.deepcopy(tomllib.loads((FOLDER / "tpu-v4.toml").read_text()))
    for key, value in change.items():
        *path, last = key.split(".")
        table = data
        for part in path:
            table = table[part]
        if value is None:
            del table[last]
        else:
            table[last] = value
    return data


FIELDS = "title, macs_format, arrays, rows, cols, macs, clock, on_chip, memory, bandwidth, power, peak, other"
ALIKE = "'Hz', 'MHz', 'GHz'"
FORMATS = "fp32, bf16, fp16, int8, fp8, mxfp8, mx9, mx6, int4, fp4, mxfp4"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": None}, "title must be given"),
        ({"clock": None}, "clock must be given"),
        ({"peak": None}, "peak must be given"),
        ({"clocks": 3}, f"clocks is not a field; the fields are {FIELDS}"),
        ({"title": 3}, "title must be a text, not 3"),
        ({"peak": 3}, "peak must be a table, not 3"),
        ({"macs_format": "fp7"}, f"macs_format must be one of {FORMATS}, not 'fp7'"),
        (
            {"peak.fp7": {"value": 1}},
            f"peak.fp7 is not a format; the formats are {FORMATS}",
        ),
        ({"clock": 3}, "clock must be a table with unit, source and status, not 3"),
        ({"clock.unit": None}, "clock.unit must be given"),
        ({"clock.source": None}, "clock.source must be given"),
        ({"clock.status": None}, "clock.status must be given"),
        ({"clock.value": None}, "clock.value must be given where status is derived"),
        ({"peak.bf16.unit": None}, "peak.bf16.unit must be given"),
        ({"clock.unit": "W"}, f"clock.unit must be one of {ALIKE}, not 'W'"),
        ({"clock.unit": ["W"]}, f"clock.unit must be one of {ALIKE}, not ['W']"),
        ({"peak.bf16.unit": "GB/s"}, "peak.bf16.unit must be one of 'MAC/s', 'TOP/s', not 'GB/s'"),
        (
            {"clock.status": "sure"},
            "clock.status must be one of published, derived, assumed, unknown, not 'sure'",
        ),
        ({"clock.source": ""}, "clock.source must be a text or a list of texts, not ''"),
        ({"clock.source": [1]}, "clock.source must be a text or a list of texts, not [1]"),
        ({"clock.value": "1"}, "clock.value must be a number from 0 on, not '1'"),
        ({"clock.value": -1}, "clock.value must be a number from 0 on, not -1"),
        ({"clock.value": math.nan}, "clock.value must be a number from 0 on, not nan"),
        ({"clock.low": 1}, "clock must have a value, or low and high, not both"),
        (
            {"clock.status": "unknown"},
            "clock.value must not be given where status is unknown, not 1050",
        ),
        ({"bandwidth.low": 2000}, "bandwidth.low must be at most high (1230), not 2000"),
        (
            {"bandwidth.source": "one"},
            "bandwidth.source must be a list of two, one for low and one for high, not ['one']",
        ),
        (
            {"clock.node": 5},
            "clock.node is not a field; the fields are high, low, source, status, unit, value",
        ),
    ],
)
def test_refused(change: dict[str, Any], message: str) -> None:
    assert _message(lambda: Chip.from_dict("mine", _changed(change))) == message


def test_units_of_what_only_some_sources_say() -> None:
    data = _changed({"other.die": {"value": 1, "unit": "ft", "source": "me", "status": "assumed"}})
    message = _message(lambda: Chip.from_dict("mine", data))
    assert message.startswith("other.die.unit must be one of '', 's', 'Hz', ")
    assert message.endswith(", not 'ft'")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((FOLDER / "tpu-v4.toml").read_text())
    assert Chip.read(path).name == "mine"
    assert Chip.read(str(path)).clock.value == 1050
    path.write_text('title = "x"\n')
    assert _message(lambda: Chip.read(path)) == f"{path}: macs_format must be given"
    path.write_text("title = \n")
    assert _message(lambda: Chip.read(path)).startswith(f"{path}: the text must be TOML: ")
    path.write_bytes(b"\xff")
    assert _message(lambda: Chip.read(path)).startswith(f"{path} cannot be read: ")
    none = tmp_path / "none.toml"
    assert _message(lambda: Chip.read(none)).startswith(f"{none} cannot be read: ")
