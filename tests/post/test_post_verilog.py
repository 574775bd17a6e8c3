# SPDX-License-Identifier: Apache-2.0
"""Post-processing in Icarus Verilog and in Verilator, under back-pressure."""

import dataclasses
from typing import Any

import pytest

from matwright.config import AcceleratorConfig, Precision
from matwright.post.packer import Packer
from matwright.post.post import PostProcess
from matwright.post.requantize import Requantizer
from matwright.presets import PRESETS
from matwright_sim.runner import SIMULATORS, run_bench


@pytest.mark.parametrize(
    ("acc_width", "lanes", "simulator"),
    [
        *((*shape, s) for shape in [(32, 1), (32, 4), (24, 8), (16, 16)] for s in SIMULATORS),
        (32, 64, "icarus"),  # Verilator needs a minute to compile it
    ],
)
def test_requantizer(simulator: str, acc_width: int, lanes: int) -> None:
    run_bench(
        Requantizer(Precision(a_width=2, b_width=2, acc_width=acc_width), lanes),
        name=f"requantizer_{acc_width}_{lanes}",
        bench="matwright_sim.benches.post_requantizer",
        simulator=simulator,
        parameters={
            "ACC_WIDTH": str(acc_width),
            "LANES": str(lanes),
            "ITEMS": "24" if lanes > 16 else "400",
        },
        seed=acc_width + lanes,
    )


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize(
    ("beat_bytes", "lanes"), [(4, 1), (4, 4), (8, 1), (8, 4), (8, 8), (64, 16), (64, 64)]
)
def test_packer(simulator: str, beat_bytes: int, lanes: int) -> None:
    run_bench(
        Packer(beat_bytes, lanes),
        name=f"packer_{beat_bytes}_{lanes}",
        bench="matwright_sim.benches.post_packer",
        simulator=simulator,
        parameters={"BEAT": str(beat_bytes), "LANES": str(lanes), "ITEMS": "200"},
        seed=beat_bytes + lanes,
    )


def built(name: str, **changes: Any) -> AcceleratorConfig:
    """A preset built another way."""
    build = dataclasses.replace(PRESETS[name].build, **changes)
    return dataclasses.replace(PRESETS[name], build=build)


PARALLEL, SERIAL = {"post_multiplier": "parallel"}, {"post_multiplier": "serial", "post_lanes": 1}
CONFIGS = {
    "tiny": (built("tiny", **PARALLEL), 400),
    "small": (built("small", post_registers=0), 400),
    "edge": (PRESETS["edge"], 400),
    "registers": (built("edge", post_registers=1), 400),
    "serial": (built("tiny", **SERIAL), 60),
    "serial_64": (built("small", **SERIAL), 60),
}


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("name", CONFIGS)
def test_post_process(simulator: str, name: str) -> None:
    config, items = CONFIGS[name]
    run_bench(
        PostProcess(config),
        name=f"post_{name}",
        bench="matwright_sim.benches.post_process",
        simulator=simulator,
        parameters={"CONFIG": config.to_toml(), "ITEMS": str(items)},
        seed=11,
    )
