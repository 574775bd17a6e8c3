# SPDX-License-Identifier: Apache-2.0
"""Checks of operands, each with its message, and the arithmetic around them."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matwright import layout
from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision
from matwright.presets import preset
from matwright_sw import operands
from matwright_sw.errors import OperandError

SEED = 22
EDGE = preset("edge")
SMALL_LIMITS = AcceleratorConfig(
    name="limited", rows=4, cols=4, limits=Limits(max_m=8, max_n=9, max_k=10)
)
WIDE = AcceleratorConfig(
    rows=4, cols=4, precision=Precision(a_width=12, b_width=4), limits=Limits(max_k=1000)
)


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.int8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: operands.check_activations(EDGE, np.zeros((2, 2))),
            "a must be an array of integers, not of float64",
        ),
        (
            lambda: operands.check_weights(EDGE, np.zeros((2, 2), bool)),
            "b must be an array of integers, not of bool",
        ),
        (
            lambda: operands.check_activations(EDGE, zeros(4)),
            "a must have 2 dimensions, none of them empty, not shape (4,)",
        ),
        (
            lambda: operands.check_weights(EDGE, zeros(4, 0)),
            "b must have 2 dimensions, none of them empty, not shape (4, 0)",
        ),
        (
            lambda: operands.check_activations(EDGE, [[1, 128]]),
            "a must hold values from -128 to 127, not 128",
        ),
        (
            lambda: operands.check_activations(EDGE, np.array([[256]], np.uint16)),
            "a must hold values from 0 to 255, not 256",
        ),
        (
            lambda: operands.check_weights(EDGE, [[1, -129]]),
            "b must hold values from -128 to 127, not -129",
        ),
        (
            lambda: operands.check_weights(WIDE, [[8]]),
            "b must hold values from -8 to 7, not 8",
        ),
        (
            lambda: operands.check_activations(WIDE, [[-2049]]),
            "a must hold values from -2048 to 2047, not -2049",
        ),
        (
            lambda: operands.check_activations(SMALL_LIMITS, zeros(9, 1)),
            "m must be at most 8, the limit of limited, not 9",
        ),
        (
            lambda: operands.check_weights(SMALL_LIMITS, zeros(1, 10)),
            "n must be at most 9, the limit of limited, not 10",
        ),
        (
            lambda: operands.check_activations(SMALL_LIMITS, zeros(1, 11)),
            "k must be at most 10, the limit of limited, not 11",
        ),
        (
            lambda: operands.check_weights(SMALL_LIMITS, zeros(11, 1)),
            "k must be at most 10, the limit of limited, not 11",
        ),
        (
            lambda: operands.check_bias(zeros(3), 4),
            "bias must have 4 values, one a column, not 3",
        ),
        (
            lambda: operands.check_bias(zeros(1, 4), 4),
            "bias must have 1 dimension, none of them empty, not shape (1, 4)",
        ),
        (
            lambda: operands.check_bias([0.5], 1),
            "bias must be an array of integers, not of float64",
        ),
        (
            lambda: operands.check_bias([2**31], 1),
            "bias must hold values from -2147483648 to 2147483647, not 2147483648",
        ),
        (
            lambda: operands.check_scales([1.0, 2.0], 3),
            "scale must be one number or 3, one a column, not an array of shape (2,)",
        ),
        (
            lambda: operands.check_scales([1.0, 0.0], 2),
            "scale must be positive and below 128.0, not 0.0",
        ),
        (
            lambda: operands.check_scales(128.0, 2),
            "scale must be positive and below 128.0, not 128.0",
        ),
        (
            lambda: operands.check_scales(float("nan"), 2),
            "scale must be positive and below 128.0, not nan",
        ),
        (
            lambda: operands.check_scales("much", 2),
            "scale must be a number or an array of numbers, not 'much'",
        ),
    ],
)
def test_message(call: Callable[[], object], message: str) -> None:
    with pytest.raises(OperandError, match=f"^{re.escape(message)}$") as caught:
        call()
    assert isinstance(caught.value, ValueError)


def test_extremes_are_legal() -> None:
    operands.check_activations(EDGE, [[-128, 127]])
    operands.check_activations(EDGE, np.array([[0, 255]], np.uint8))
    operands.check_weights(WIDE, [[-8, 7]])
    operands.check_bias([-(2**31), 2**31 - 1], 2)
    operands.check_scales(np.nextafter(128.0, 0.0), 2)


def test_scale_words_are_those_of_the_layout() -> None:
    rng = np.random.default_rng(SEED)
    scales = np.exp2(rng.uniform(-60, 7, 3000))
    ties = (np.arange(1, 200) + 0.5) * 2.0 ** -np.arange(1, 200).clip(0, 51)
    edges = [
        1.0,
        np.nextafter(1.0, 0.0),
        np.nextafter(128.0, 0.0),
        128 * (1 - 2.0**-28),
        2.0**-25,
        2.0**-52,
        2.0**-51,
        3 * 2.0**-52,
        np.nextafter(2.0**-25, 0.0),
        5e-324,
        (2**26 + 0.5) * 2.0**-30,
        (2**26 + 1.5) * 2.0**-30,
        (2**27 - 0.5) * 2.0**-40,
    ]
    every = np.concatenate([scales, ties[ties < 128], edges])
    expected = [layout.scale_word(float(s)) for s in every]
    assert operands.scale_words(every).tolist() == expected, f"seed {SEED}"


@pytest.mark.parametrize(
    ("rows", "cols"), [(16, 16), (8, 16), (16, 8), (3, 3), (3, 6), (6, 3), (5, 8)]
)
def test_columns_agree_is_true_of_the_layouts(rows: int, cols: int) -> None:
    """An A and a D of the same bytes have their elements at the same places."""
    bus, build = Bus(data_width=32), Build(post_lanes=1)
    config = AcceleratorConfig(rows=rows, cols=cols, bus=bus, build=build)
    rng = np.random.default_rng(SEED)
    for n in range(1, 40):
        x = rng.integers(1, 128, (1, n)).astype(np.int8)
        as_a = layout.pack_a(config, x)
        as_d = layout.pack_d(config, x)
        length = min(as_a.size, as_d.size)
        same = bool((as_a[:length] == as_d[:length]).all())
        same = same and not as_a[length:].any() and not as_d[length:].any()
        assert operands.columns_agree(config, n) == same, (rows, cols, n, SEED)


def test_fold_zero_point() -> None:
    rng = np.random.default_rng(SEED)
    a, b = rng.integers(0, 256, (5, 9)), rng.integers(-128, 128, (9, 4))
    bias = rng.integers(-1000, 1000, 4)
    folded = operands.fold_zero_point(b, bias, 77)
    assert folded.dtype == np.int32
    assert (a @ b + folded == (a - 77) @ b + bias).all()
    assert operands.fold_zero_point([[1]], [-(2**31)], 1).tolist() == [2**31 - 1], "must wrap"
    assert operands.fold_zero_point([[2, 3]], None, 10).tolist() == [-20, -30]
