# SPDX-License-Identifier: Apache-2.0
"""The digits network: what it knows, and that the device computes what the golden model does."""

import importlib
from typing import Any

import numpy as np
import pytest
from golden_transport import GoldenTransport

from matwright.config import AcceleratorConfig, Precision
from matwright.presets import PRESETS, preset
from matwright_sim.golden.gemm import gemm as golden_gemm
from matwright_sw.driver import Driver
from matwright_sw.errors import OperandError
from matwright_sw.network import DIGITS, Network
from matwright_sw.operands import scale_words

NETWORK = Network.load()
EDGE = preset("edge")


def golden(
    a: Any, b: Any, /, *, bias: Any, scale: Any, zero_point: int, relu: bool
) -> np.ndarray[Any, Any]:
    """The golden model's GEMM as a network calls it."""
    return golden_gemm(
        EDGE.precision,
        a,
        b,
        bias=bias,
        scale_words=None if scale is None else scale_words(scale),
        zero_point=zero_point,
        raw=scale is None,
        relu=relu,
    )


GOLDEN = NETWORK.golden(NETWORK.test_images, golden)


def test_file() -> None:
    assert DIGITS.stat().st_size < 40_000
    with np.load(DIGITS, allow_pickle=False) as data:
        assert {data[name].dtype.kind for name in data.files} <= set("iuf")
    assert NETWORK.sizes == (64, 48, 32, 10)
    assert len(NETWORK.test_indices) == 360
    assert np.bincount(NETWORK.test_labels).tolist() == [36] * 10


def test_images_are_those_of_the_data_set() -> None:
    datasets = importlib.import_module("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    assert (images[NETWORK.test_indices] == NETWORK.test_images).all()
    assert (labels[NETWORK.test_indices] == NETWORK.test_labels).all()


def test_accuracy() -> None:
    real = NETWORK.accuracy(NETWORK.float_logits(NETWORK.test_images), NETWORK.test_labels)
    integer = NETWORK.accuracy(GOLDEN, NETWORK.test_labels)
    assert real >= 0.97
    assert integer >= real - 0.006


def test_quantized_is_near_float() -> None:
    """Logits, not only answers: the int32 on their scale are within 5 % of the float's range."""
    real = NETWORK.float_logits(NETWORK.test_images)
    with np.load(DIGITS, allow_pickle=False) as data:
        scale = data["scale_2"]
    assert len(np.unique(scale)) == 1, "raw logits compare only on one scale"
    assert np.abs(GOLDEN * scale - real).max() < 0.05 * np.ptp(real)


@pytest.mark.parametrize("config", PRESETS.values(), ids=lambda c: c.name)
@pytest.mark.parametrize("one_program", [False, True])
def test_device(config: AcceleratorConfig, one_program: bool) -> None:
    transport = GoldenTransport(config)
    driver = Driver(config, transport)
    before = driver.memory.free_bytes
    logits, reports = NETWORK.run(driver, NETWORK.test_images, one_program=one_program)
    assert logits.dtype == np.int32
    assert (logits == GOLDEN).all()
    macs = [360 * 64 * 48, 360 * 48 * 32, 360 * 32 * 10]
    assert [r.macs for r in reports] == ([sum(macs)] if one_program else macs)
    assert driver.memory.free_bytes == before


def test_device_whose_layouts_differ() -> None:
    config = AcceleratorConfig(name="odd", rows=12, cols=16)
    driver = Driver(config, GoldenTransport(config))
    before = driver.memory.free_bytes
    logits, reports = NETWORK.run(driver, NETWORK.test_images)
    assert (logits == GOLDEN).all()
    assert len(reports) == 3
    assert driver.memory.free_bytes == before
    message = "^one_program must be False on odd, whose layouts of a and results differ$"
    with pytest.raises(OperandError, match=message):
        NETWORK.run(driver, NETWORK.test_images, one_program=True)


def test_driver_is_a_gemm() -> None:
    driver = Driver(EDGE, GoldenTransport(EDGE))
    assert (NETWORK.golden(NETWORK.test_images, driver.gemm) == GOLDEN).all()


def test_other_precision_is_refused() -> None:
    config = AcceleratorConfig(rows=8, cols=8, precision=Precision(b_width=4))
    driver = Driver(config, GoldenTransport(config))
    with pytest.raises(OperandError, match="^the network must run on 8 x 8 bits, not on 8 x 4$"):
        NETWORK.run(driver, NETWORK.test_images)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 63), int), r"images must be rows of 64 integers, not int64 of shape \(2, 63"),
        (np.zeros(64, int), r"images must be rows of 64 integers, not int64 of shape \(64,\)"),
        (np.zeros((1, 64)), r"images must be rows of 64 integers, not float64 of shape \(1, 64\)"),
        (np.full((1, 64), 128), "images must hold values from 0 to 127, not 128 to 128"),
    ],
)
def test_images_are_checked(images: Any, message: str) -> None:
    with pytest.raises(OperandError, match=f"^{message}"):
        NETWORK.float_logits(images)
