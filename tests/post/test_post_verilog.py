# SPDX-License-Identifier: Apache-2.0
"""Post-processing in Icarus Verilog and in Verilator, under back-pressure."""

import pytest

from matwright.config import Precision
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


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("name", ["tiny", "small", "edge"])
def test_post_process(simulator: str, name: str) -> None:
    run_bench(
        PostProcess(PRESETS[name]),
        name=f"post_{name}",
        bench="matwright_sim.benches.post_process",
        simulator=simulator,
        parameters={"CONFIG": PRESETS[name].to_toml(), "ITEMS": "400"},
        seed=11,
    )
