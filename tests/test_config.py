# SPDX-License-Identifier: Apache-2.0
"""The configuration: every refusal and its sentence, TOML there and back, derived shapes."""

import dataclasses
import math
import random
from pathlib import Path
from typing import Any

import pytest

from matwright.config import (
    SRAM_PROTECTIONS,
    AcceleratorConfig,
    Build,
    Bus,
    ConfigError,
    Limits,
    Precision,
    Sram,
    ceil_div,
    ceil_pow2,
    load,
)
from matwright.presets import PRESETS

SHAPE: dict[str, Any] = {"rows": 16, "cols": 16}

REFUSED: list[tuple[dict[str, Any], str]] = [
    # One field, one rule.
    ({"rows": 0}, "rows must be an integer from 1 to 256, not 0"),
    ({"rows": 257}, "rows must be an integer from 1 to 256, not 257"),
    ({"rows": "16"}, "rows must be an integer from 1 to 256, not '16'"),
    ({"rows": 16.0}, "rows must be an integer from 1 to 256, not 16.0"),
    ({"cols": True}, "cols must be an integer from 1 to 256, not True"),
    ({"load_rows": 3}, "load_rows must be a power of two from 1 to 16, not 3"),
    ({"load_rows": 32}, "load_rows must be a power of two from 1 to 16, not 32"),
    ({"name": ""}, "name must be an identifier of ASCII letters, digits and _, not ''"),
    ({"name": "8x8"}, "name must be an identifier of ASCII letters, digits and _, not '8x8'"),
    ({"name": "é"}, "name must be an identifier of ASCII letters, digits and _, not 'é'"),
    ({"name": 5}, "name must be an identifier of ASCII letters, digits and _, not 5"),
    (
        {"precision": {"a_width": 1}},
        "precision.a_width must be an integer from 2 to 16, not 1",
    ),
    (
        {"precision": {"b_width": 17}},
        "precision.b_width must be an integer from 2 to 16, not 17",
    ),
    (
        {"precision": {"acc_width": 33}},
        "precision.acc_width must be an integer from 4 to 32, not 33",
    ),
    (
        {"sram": {"activation_rows": 1000}},
        "sram.activation_rows must be a power of two from 4 to 1048576, not 1000",
    ),
    (
        {"sram": {"weight_tiles": 1}},
        "sram.weight_tiles must be a power of two from 2 to 65536, not 1",
    ),
    (
        {"sram": {"accumulator_rows": 131072}},
        "sram.accumulator_rows must be a power of two from 2 to 65536, not 131072",
    ),
    (
        {"sram": {"column_panels": 512}},
        "sram.column_panels must be a power of two from 1 to 256, not 512",
    ),
    ({"bus": {"data_width": 48}}, "bus.data_width must be a power of two from 32 to 512, not 48"),
    ({"bus": {"addr_width": 49}}, "bus.addr_width must be an integer from 16 to 48, not 49"),
    ({"bus": {"max_burst": 512}}, "bus.max_burst must be a power of two from 1 to 256, not 512"),
    ({"bus": {"outstanding": 0}}, "bus.outstanding must be a power of two from 1 to 64, not 0"),
    ({"bus": {"windows": 1}}, "bus.windows must be an integer from 2 to 8, not 1"),
    ({"bus": {"windows": 9}}, "bus.windows must be an integer from 2 to 8, not 9"),
    ({"bus": {"windows": "4"}}, "bus.windows must be an integer from 2 to 8, not '4'"),
    ({"limits": {"max_m": 0}}, "limits.max_m must be an integer from 1 to 16777215, not 0"),
    (
        {"limits": {"max_n": 1 << 24}},
        "limits.max_n must be an integer from 1 to 16777215, not 16777216",
    ),
    ({"limits": {"max_k": -1}}, "limits.max_k must be an integer from 1 to 16777215, not -1"),
    (
        {"build": {"product_registers": 3}},
        "build.product_registers must be an integer from 1 to 2, not 3",
    ),
    (
        {"build": {"sram_registers": 2}},
        "build.sram_registers must be an integer from 0 to 1, not 2",
    ),
    (
        {"build": {"activation_ports": 0}},
        "build.activation_ports must be an integer from 1 to 2, not 0",
    ),
    (
        {"build": {"activation_ports": 3}},
        "build.activation_ports must be an integer from 1 to 2, not 3",
    ),
    (
        {"build": {"activation_ports": True}},
        "build.activation_ports must be an integer from 1 to 2, not True",
    ),
    ({"build": {"post_lanes": 6}}, "build.post_lanes must be a power of two from 1 to 64, not 6"),
    ({"build": {"descriptors": 2}}, "build.descriptors must be 1 or 4, not 2"),
    ({"build": {"descriptors": True}}, "build.descriptors must be 1 or 4, not True"),
    ({"build": {"descriptors": 4.0}}, "build.descriptors must be 1 or 4, not 4.0"),
    (
        {"build": {"post_registers": 2}},
        "build.post_registers must be an integer from 0 to 1, not 2",
    ),
    (
        {"build": {"request_registers": 3}},
        "build.request_registers must be an integer from 0 to 2, not 3",
    ),
    (
        {"build": {"post_multiplier": "slow"}},
        "build.post_multiplier must be one of parallel, serial, not 'slow'",
    ),
    (
        {"build": {"post_multiplier": "serial"}},
        "build.post_lanes must be 1 with a serial multiplier, not 4",
    ),
    ({"build": {"counters": 1}}, "build.counters must be true or false, not 1"),
    (
        {"build": {"sram_protection": "ecc"}},
        "build.sram_protection must be one of none, parity, secded, not 'ecc'",
    ),
    (
        {"build": {"sram_protection": True}},
        "build.sram_protection must be one of none, parity, secded, not True",
    ),
    (
        {"build": {"sram_protection": ["parity"]}},
        "build.sram_protection must be one of none, parity, secded, not ['parity']",
    ),
    (
        {"build": {"unsafe_unchecked": "yes"}},
        "build.unsafe_unchecked must be true or false, not 'yes'",
    ),
    # Relations between fields.
    (
        {"precision": {"a_width": 8, "b_width": 8, "acc_width": 15}},
        "precision.acc_width must hold one product of 8 x 8 bits, so it must be at least 16, not 15",
    ),
    (
        {"sram": {"column_panels": 16, "weight_tiles": 8}},
        (
            "sram.column_panels must not exceed sram.weight_tiles (8), because the weights of one step "
            "are loaded together, not 16"
        ),
    ),
    (
        {"sram": {"column_panels": 16, "accumulator_rows": 8}},
        (
            "sram.column_panels must not exceed sram.accumulator_rows (8), because each panel takes a "
            "row, not 16"
        ),
    ),
    (
        {"bus": {"data_width": 512, "max_burst": 128}},
        (
            "bus.max_burst must be at most 64 beats of 64 bytes, because no burst may cross 4 KiB, "
            "not 128"
        ),
    ),
    ({"rows": 12, "load_rows": 8}, "load_rows must divide rows (12), not 8"),
    (
        {"rows": 2, "cols": 2, "bus": {"data_width": 64}},
        "bus.data_width must be at most 32 bits, so that a weight tile of 4 bytes is whole beats, not 64",
    ),
    (
        {"rows": 16, "cols": 1, "bus": {"data_width": 128}},
        "bus.data_width must be at most 64 bits, the parameters of one panel of columns, not 128",
    ),
    (
        {"cols": 4, "build": {"post_lanes": 8}},
        (
            "build.post_lanes must be at most 4, the columns of the array and the bytes of a beat, "
            "not 8"
        ),
    ),
    (
        {"bus": {"data_width": 32}, "build": {"post_lanes": 8}},
        (
            "build.post_lanes must be at most 4, the columns of the array and the bytes of a beat, "
            "not 8"
        ),
    ),
    (
        {"limits": {"max_k": 131_072}},
        (
            "limits.max_k must be at most 131071, the largest K whose sum fits precision.acc_width "
            "(32), not 131072"
        ),
    ),
    (
        {"bus": {"data_width": 512, "max_burst": 32}, "sram": {"activation_rows": 4}},
        "sram.activation_rows must be at least 8, two beats of 64 bytes, not 4",
    ),
    (
        {"bus": {"data_width": 512, "max_burst": 32}, "sram": {"column_panels": 2}},
        (
            "sram.column_panels must be at least 4, so that an output row fills a beat of 64 bytes, "
            "not 2"
        ),
    ),
    (
        {
            "rows": 256,
            "precision": {"a_width": 2, "b_width": 2},
            "bus": {"data_width": 32},
            "sram": {"activation_rows": 1 << 17},
        },
        (
            "sram.activation_rows must be at most 16384, so that a row of a chunk is at most 1048575 beats, "
            "not 131072"
        ),
    ),
    (
        {"rows": 256, "cols": 256, "bus": {"data_width": 32}, "sram": {"column_panels": 64}},
        (
            "sram.column_panels must be at most 32, so that the weights of one step are at most 1048575 "
            "beats, not 64"
        ),
    ),
    # What a file can hold that no field is.
    (
        {"colums": 8},
        (
            "colums is not a field; the fields are build, bus, cols, limits, load_rows, name, precision, "
            "rows, sram"
        ),
    ),
    (
        {"bus": {"width": 64}},
        (
            "bus.width is not a field; the fields are data_width, addr_width, max_burst, outstanding, "
            "windows"
        ),
    ),
    ({"sram": 5}, "sram must be a table, not 5"),
]

LEGAL: list[dict[str, Any]] = [
    {"rows": 1, "cols": 4, "bus": {"data_width": 32}},
    {"rows": 256, "cols": 256, "load_rows": 256, "bus": {"data_width": 512, "max_burst": 32}},
    {"rows": 3, "cols": 16, "bus": {"data_width": 128}},  # three steps of a tile, one a beat
    {"rows": 6, "cols": 8, "bus": {"data_width": 128}},  # six steps, two a beat
    {"rows": 12, "cols": 8, "load_rows": 4},  # three steps, four beats each
    {"precision": {"a_width": 4, "b_width": 12, "acc_width": 32}},
    {"precision": {"a_width": 16, "b_width": 16}, "limits": {"max_k": 1}},
    {"bus": {"addr_width": 48}},
    {"bus": {"windows": 2}},
    {"bus": {"windows": 8}},
    {"build": {"activation_ports": 1}},
    {"build": {"activation_ports": 1, "sram_registers": 1, "sram_protection": "secded"}},
    {"build": {"sram_protection": "parity"}},
    {"build": {"sram_protection": "secded", "unsafe_unchecked": True}},
]


def _shaped(values: dict[str, Any]) -> dict[str, Any]:
    return SHAPE | values


@pytest.mark.parametrize(("values", "sentence"), REFUSED, ids=lambda v: str(v)[:60])
def test_refused_with_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        AcceleratorConfig.from_dict(_shaped(values))
    assert str(raised.value) == sentence


@pytest.mark.parametrize("values", LEGAL, ids=str)
def test_unusual_but_legal(values: dict[str, Any]) -> None:
    config = AcceleratorConfig.from_dict(_shaped(values))
    assert AcceleratorConfig.from_toml(config.to_toml()) == config


@pytest.mark.parametrize("missing", ["rows", "cols"])
def test_shape_must_be_given(missing: str) -> None:
    values = {key: value for key, value in SHAPE.items() if key != missing}
    with pytest.raises(ConfigError, match=f"^{missing} must be given$"):
        AcceleratorConfig.from_dict(values)


def test_a_section_must_be_of_its_type() -> None:
    with pytest.raises(ConfigError, match=r"^bus must be a Bus, not Sram\("):
        AcceleratorConfig(**SHAPE, bus=Sram())  # type: ignore[arg-type]


def test_what_is_not_toml_is_refused() -> None:
    with pytest.raises(ConfigError, match="^the text must be TOML: "):
        AcceleratorConfig.from_toml("rows = = 4")


def test_errors_of_a_file_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path} cannot be read: ")
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path} cannot be read: ")
    path.write_text("rows = 4\ncols = 0\n")
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert str(raised.value) == f"{path}: cols must be an integer from 1 to 256, not 0"
    path.write_text("rows = 4\ncols = 4\n[bus]\ndata_width = 32\n")
    assert load(path) == AcceleratorConfig(rows=4, cols=4, bus=Bus(data_width=32))


def test_every_field_left_out_takes_its_default() -> None:
    assert AcceleratorConfig.from_dict(SHAPE) == AcceleratorConfig(**SHAPE)
    assert AcceleratorConfig.from_dict(_shaped({"bus": {}})) == AcceleratorConfig(**SHAPE)


@pytest.mark.parametrize("name", PRESETS)
def test_toml_there_and_back(name: str) -> None:
    config = PRESETS[name]
    again = AcceleratorConfig.from_toml(config.to_toml())
    assert again == config
    assert again.digest == config.digest


def test_digest_depends_on_every_field() -> None:
    base = AcceleratorConfig(rows=16, cols=16, load_rows=2)
    others: list[AcceleratorConfig] = [
        dataclasses.replace(base, name="other"),
        dataclasses.replace(base, rows=32),
        dataclasses.replace(base, cols=32),
        dataclasses.replace(base, load_rows=4),
    ]
    changes: list[tuple[str, Any]] = [
        ("precision", Precision(a_width=7)),
        ("precision", Precision(b_width=7)),
        ("precision", Precision(acc_width=31)),
        ("sram", Sram(activation_rows=4096)),
        ("sram", Sram(weight_tiles=128)),
        ("sram", Sram(accumulator_rows=1024)),
        ("sram", Sram(column_panels=8)),
        ("bus", Bus(data_width=32)),
        ("bus", Bus(addr_width=40)),
        ("bus", Bus(max_burst=16)),
        ("bus", Bus(outstanding=8)),
        ("bus", Bus(windows=3)),
        ("limits", Limits(max_m=5)),
        ("limits", Limits(max_n=5)),
        ("limits", Limits(max_k=5)),
        ("build", Build(product_registers=2)),
        ("build", Build(sram_registers=1)),
        ("build", Build(activation_ports=1)),
        ("build", Build(post_lanes=2)),
        ("build", Build(post_lanes=1)),
        ("build", Build(post_lanes=1, post_multiplier="serial")),
        ("build", Build(post_registers=1)),
        ("build", Build(request_registers=1)),
        ("build", Build(descriptors=1)),
        ("build", Build(counters=False)),
        ("build", Build(sram_protection="parity")),
        ("build", Build(sram_protection="secded")),
        ("build", Build(unsafe_unchecked=True)),
    ]
    for section, value in changes:
        limits = {} if section == "limits" else {"limits": Limits(max_k=1000)}
        others.append(dataclasses.replace(base, **{section: value}, **limits))  # type: ignore[arg-type]
    digests = {config.digest for config in [base, *others]}
    assert len(digests) == 1 + len(others)


def test_longest_requests() -> None:
    """Against every tiling that the checks of a descriptor admit."""
    unusual = [AcceleratorConfig.from_dict(_shaped(values)) for values in LEGAL]
    for config in [*PRESETS.values(), *unusual]:
        beat, word = config.bus.bytes, config.panels_per_activation_word
        reads, writes = [max(1, 64 // beat)], []
        for log2 in range(16):
            panels = 1 << log2
            if panels >= word and panels // word <= config.activation_words:
                reads.append(ceil_div(panels * config.panel_bytes, beat))
            if panels <= config.sram.column_panels:
                reads.append(ceil_div(panels * config.tile_bytes, beat))
                reads.append(ceil_div(panels * config.col_pitch * 8, beat))
                writes.append(ceil_div(panels * config.col_pitch * 4, beat))
        assert (config.longest_read, config.longest_write) == (max(reads), max(writes)), config


def test_configurations_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRESETS["edge"].rows = 8  # type: ignore[misc]


def test_protected() -> None:
    protected = {name: Build(sram_protection=name).protected for name in SRAM_PROTECTIONS}
    assert protected == {"none": False, "parity": True, "secded": True}


def test_presets_are_not_unsafe() -> None:
    assert not any(config.build.unsafe_unchecked for config in PRESETS.values())


def test_rounding_helpers() -> None:
    seed = 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(500):
        a, b = rng.randrange(10**6), rng.randrange(1, 10**4)
        assert ceil_div(a, b) == math.ceil(a / b)
        power = ceil_pow2(b)
        assert power >= b > power // 2
        assert power.bit_count() == 1


@pytest.mark.parametrize(("a", "b", "acc"), [(8, 8, 32), (8, 8, 16), (4, 4, 20), (2, 16, 32)])
def test_max_depth_is_tight(a: int, b: int, acc: int) -> None:
    precision = Precision(a_width=a, b_width=b, acc_width=acc)
    extreme = 2 ** (a - 1) * 2 ** (b - 1)  # both at their lowest: the largest product there is
    top = 2 ** (acc - 1) - 1
    assert precision.max_depth * extreme <= top < (precision.max_depth + 1) * extreme


@pytest.mark.parametrize("terms", [1, 2, 3, 4, 16, 17, 64])
def test_psum_width_holds_both_extremes(terms: int) -> None:
    precision = Precision()
    low, high = -terms * 128 * 127, terms * 128 * 128
    width = precision.psum_width(terms)
    assert -(2 ** (width - 1)) <= low
    assert high < 2 ** (width - 1)
    assert high >= 2 ** (width - 2), "one bit less would do"


def test_element_bytes() -> None:
    precision = Precision(a_width=9, b_width=8)
    assert (precision.a_bytes, precision.b_bytes, precision.product_width) == (2, 1, 17)


def test_shapes_in_memory_and_on_chip() -> None:
    decode = PRESETS["decode"]  # 16x16, f = 4, 64 bytes a beat
    assert (decode.row_pitch, decode.col_pitch) == (16, 16)
    assert (decode.panel_bytes, decode.tile_bytes) == (16, 256)
    assert decode.load_cycles == 4
    assert (decode.panels_per_activation_word, decode.beats_per_activation_word) == (4, 1)
    assert decode.activation_words == 512
    assert (decode.steps_per_weight_word, decode.beats_per_weight_word) == (1, 1)
    edge = PRESETS["edge"]  # 16x16, f = 1, 8 bytes a beat
    assert (edge.panels_per_activation_word, edge.beats_per_activation_word) == (1, 2)
    assert (edge.steps_per_weight_word, edge.beats_per_weight_word) == (1, 2)
    assert edge.activation_words == 1024
    assert edge.peak_macs == 256
    odd = AcceleratorConfig(rows=6, cols=5, bus=Bus(data_width=64))
    assert (odd.row_pitch, odd.col_pitch, odd.tile_bytes) == (8, 8, 48)
    assert odd.sram_bytes == {
        "activation": 2048 * 6,
        "weight": 64 * 30,
        "accumulator": 2 * 512 * 5 * 4,
        "parameter": 2 * 16 * 8 * 8,
    }
