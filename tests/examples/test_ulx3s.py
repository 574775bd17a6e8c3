# SPDX-License-Identifier: Apache-2.0
"""The largest array for a ULX3S: it fills the device's multipliers, which have places, and computes."""

from pathlib import Path

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, load
from matwright_fpga.boards import find_board
from matwright_fpga.design import design
from matwright_sim.board import VirtualBoard
from matwright_sw import Driver, SerialTransport

SEED = 12

EXAMPLE = Path(__file__).parents[2] / "docs/examples/ulx3s/square12.toml"


@pytest.fixture(scope="module")
def config() -> AcceleratorConfig:
    return load(EXAMPLE)


def test_it_takes_all_multipliers_but_four(config: AcceleratorConfig) -> None:
    """Placed by hand, and none is left to Yosys: it would be one for a product with a constant."""
    _, device, _ = find_board("ulx3s_85f").find_device()
    made = design(config, "ecp5")
    assert made.primitives()["MULT18X18D"] == 12 * 12 + 4 * 2 == device.capacity["dsp"] - 4
    assert device.blocks is not None
    assert config.rows <= len(device.blocks.columns)
    assert config.cols <= len(device.blocks.rows) * len(device.blocks.multipliers)


def test_it_computes_through_its_uart(config: AcceleratorConfig) -> None:
    random = np.random.default_rng(SEED)
    with VirtualBoard(config, divisor=4) as board, SerialTransport(board.port) as transport:
        driver = Driver(config, transport)
        for m, k, n in ((1, 1, 1), (12, 12, 12), (13, 25, 30)):
            a = random.integers(-128, 128, (m, k))
            b = random.integers(-128, 128, (k, n))
            result = driver.gemm(a, b)
            assert np.array_equal(result, a @ b), f"seed {SEED}: {m} x {n} x {k}"
        assert transport.retries == 0
