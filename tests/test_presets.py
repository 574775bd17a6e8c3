# SPDX-License-Identifier: Apache-2.0
"""The presets: what the rest of the project counts on."""

import pytest

import matwright
from matwright.config import ConfigError
from matwright.presets import PRESETS, WHO, preset


def test_each_has_its_name_and_its_sentence() -> None:
    assert list(PRESETS) == list(WHO)
    for name, config in PRESETS.items():
        assert config.name == name
        assert preset(name) is config
        assert WHO[name].endswith(".")


def test_shapes() -> None:
    shapes = {name: (c.rows, c.cols, c.load_rows, c.bus.data_width) for name, c in PRESETS.items()}
    assert shapes == {
        "tiny": (4, 4, 1, 32),
        "small": (8, 8, 1, 64),
        "edge": (16, 16, 1, 64),
        "server": (64, 64, 1, 512),
        "decode": (16, 16, 4, 512),
        "wide": (8, 16, 1, 64),
    }


def test_all_are_int8_into_int32_and_digests_differ() -> None:
    for config in PRESETS.values():
        precision = config.precision
        assert (precision.a_width, precision.b_width, precision.acc_width) == (8, 8, 32)
    assert len({config.digest for config in PRESETS.values()}) == len(PRESETS)


def test_tiny_fits_the_memory_of_an_ice40_up5k() -> None:
    # 4 SPRAM of 32 KiB and 30 EBR of 512 bytes.
    assert sum(PRESETS["tiny"].sram_bytes.values()) <= 4 * 32 * 1024 + 30 * 512


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        preset("huge")
    assert str(raised.value) == (
        "huge is not a preset; the presets are tiny, small, edge, server, decode, wide"
    )


def test_facade() -> None:
    assert matwright.preset("edge") is matwright.PRESETS["edge"]
    assert isinstance(matwright.PRESETS["edge"], matwright.AcceleratorConfig)
    assert issubclass(matwright.ConfigError, ValueError)
    assert matwright.__version__.count(".") == 2
