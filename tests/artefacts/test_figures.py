# SPDX-License-Identifier: Apache-2.0
"""Figures that follow from a configuration, worked out by hand."""

import pytest

from matwright.artefacts.figures import MEANINGS, figures
from matwright.config import AcceleratorConfig, Bus
from matwright.presets import PRESETS


@pytest.mark.parametrize(
    ("config", "load", "fetch"),
    [
        (PRESETS["edge"], 16, 32),  # 256 bytes of weights, 8 a cycle
        (PRESETS["wide"], 8, 16),
        (AcceleratorConfig(rows=16, cols=4, bus=Bus(data_width=128)), 16, 4),  # rows are the limit
        (
            AcceleratorConfig(rows=6, cols=5, bus=Bus(data_width=32)),
            6,
            12,
        ),  # 5 columns take 8 bytes
    ],
)
def test_weights_come_as_fast_as_bus_and_array_allow(
    config: AcceleratorConfig, load: int, fetch: int
) -> None:
    made = figures(config)
    assert made["weight_load_cycles"] == load
    assert made["weight_fetch_cycles"] == fetch
    assert made["weight_ingest_cycles"] == max(load, fetch)


def test_every_figure_has_its_meaning() -> None:
    names = set()
    for name, value in figures(PRESETS["tiny"]).items():
        names |= {f"{name}.{part}" for part in value} if isinstance(value, dict) else {name}
    assert names == set(MEANINGS)
