# SPDX-License-Identifier: Apache-2.0
"""A network of several layers on `edge`, layer by layer and as one program; blocks of many rows."""

import numpy as np
import pytest

from matwright.presets import PRESETS
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.session import open_machine
from matwright_sim.verilog import cached_verilog
from matwright_sw import Network

EDGE = PRESETS["edge"]


def integer_logits(network: Network, images: np.ndarray) -> np.ndarray:
    """The quantized network in plain NumPy, with scales as floats: exact for these small sums."""
    x = images.astype(np.int64)
    for layer in network.layers:
        x = x @ layer.weight.astype(np.int64) + layer.bias
        if layer.relu:
            x = np.maximum(x, 0)
        if layer.scale is not None:
            x = np.clip(np.rint(x * layer.scale) + layer.zero_point, -128, 127).astype(np.int64)
    return x


@pytest.mark.parametrize(
    ("stall", "latency", "images"), [(0.0, 40, 360), (0.3, 17, 200), (0.6, 90, 61), (0.1, 1, 1)]
)
def test_layers_one_by_one_and_in_one_program(stall: float, latency: int, images: int) -> None:
    network = Network.load()
    batch = network.test_images[:images]
    expected = integer_logits(network, batch)
    with open_machine(
        EDGE, memory_bytes=1 << 20, read_latency=latency, stall=stall, seed=images
    ) as session:
        for one_program in (False, True, False):
            logits, reports = network.run(session.driver, batch, one_program=one_program)
            assert len(reports) == (1 if one_program else len(network.layers))
            assert np.array_equal(logits, expected), one_program
        assert session.machine.violations == {}


def test_blocks_of_many_rows() -> None:
    for seed in range(3):
        print(f"seed {seed}")
        rng = np.random.default_rng(seed)
        with CompiledAccelerator(
            EDGE,
            cached_verilog(EDGE),
            memory_bytes=1 << 22,
            stall=float(rng.choice([0.0, 0.2, 0.5])),
            read_latency=int(rng.integers(1, 100)),
            seed=seed,
        ) as machine:
            host = Host(machine)
            for _ in range(4):
                shapes = [
                    (
                        int(rng.integers(100, 401)),
                        int(rng.integers(1, 80)),
                        int(rng.integers(1, 80)),
                    )
                    for _ in range(3)
                ]
                image = build_program(EDGE, rng, shapes, memory_bytes=1 << 22, dependent=True)
                machine.memory[:] = image.before
                assert host.run(image.address, image.count, 5_000_000)
                assert np.array_equal(machine.memory, image.after), shapes
                assert machine.violations == {}
