# SPDX-License-Identifier: Apache-2.0
"""Agreement with ONNX QLinearMatMul, as ONNX Runtime computes it.

Zero points of A fold into the bias, scales into the scale words. A scale word has 27 significant
bits, so an element that is not saturated is off by less than 2**-20 before rounding: the golden
model gives the exactly rounded result unless the real value is that close to a tie. ONNX Runtime
scales in float32, in which the product of the scales and that with the sum are each rounded to 24
bits: it differs from exact rounding up to some 2**-15 from a tie.
"""

import importlib
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from matwright.config import Precision
from matwright.layout import scale_word
from matwright_sim.golden.gemm import gemm

onnx = importlib.import_module("onnx")
onnxruntime = importlib.import_module("onnxruntime")

CASES = 60
"""Matrices of each test."""


def _session(a_type: Any, d_type: Any) -> Any:
    """QLinearMatMul with A and D of these types and B int8, scaled per column."""
    h, t = onnx.helper, onnx.TensorProto
    kinds = {np.int8: t.INT8, np.uint8: t.UINT8}
    inputs = [
        h.make_tensor_value_info("a", kinds[a_type], ["m", "k"]),
        h.make_tensor_value_info("a_scale", t.FLOAT, []),
        h.make_tensor_value_info("a_zero", kinds[a_type], []),
        h.make_tensor_value_info("b", t.INT8, ["k", "n"]),
        h.make_tensor_value_info("b_scale", t.FLOAT, ["n"]),
        h.make_tensor_value_info("b_zero", t.INT8, ["n"]),
        h.make_tensor_value_info("d_scale", t.FLOAT, []),
        h.make_tensor_value_info("d_zero", kinds[d_type], []),
    ]
    node = h.make_node("QLinearMatMul", [i.name for i in inputs], ["d"])
    output = h.make_tensor_value_info("d", kinds[d_type], ["m", "n"])
    graph = h.make_graph([node], "g", inputs, [output])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _scale(rng: np.random.Generator, power_of_two: bool, low: float, high: float) -> np.float32:
    exponent = rng.uniform(low, high)
    return np.float32(2.0 ** (round(exponent) if power_of_two else exponent))


def _compare(a_type: Any, d_type: Any, power_of_two: bool, seed: int) -> Counter[str]:
    """Counts of elements; asserts what must hold for every one of them."""
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    session = _session(a_type, d_type)
    counts: Counter[str] = Counter()
    for _ in range(CASES):
        m, n, k = (int(x) for x in rng.integers(1, 300, 3))
        limits = np.iinfo(a_type)
        a = rng.integers(limits.min, limits.max, (m, k), a_type, endpoint=True)
        b = rng.integers(-128, 127, (k, n), np.int8, endpoint=True)
        a_zero = int(rng.integers(limits.min, limits.max, endpoint=True))
        d_zero = int(rng.integers(np.iinfo(d_type).min, np.iinfo(d_type).max, endpoint=True))
        a_scale = _scale(rng, power_of_two, -8, -2)
        b_scale = np.array([_scale(rng, power_of_two, -8, -2) for _ in range(n)], np.float32)
        d_scale = _scale(rng, power_of_two, -3, 0)
        theirs = session.run(
            None,
            {
                "a": a,
                "a_scale": np.array(a_scale),
                "a_zero": np.array(a_zero, a_type),
                "b": b,
                "b_scale": b_scale,
                "b_zero": np.zeros(n, np.int8),
                "d_scale": np.array(d_scale),
                "d_zero": np.array(d_zero, d_type),
            },
        )[0]

        scales = [
            Fraction(float(a_scale)) * Fraction(float(s)) / Fraction(float(d_scale))
            for s in b_scale
        ]
        # Unsigned A is taken as A - 128, so its zero point moves along; likewise that of D.
        a_shift = 128 if a_type is np.uint8 else 0
        d_shift = 128 if d_type is np.uint8 else 0
        ours = gemm(
            Precision(),
            a,
            b,
            bias=-(a_zero - a_shift) * b.astype(np.int64).sum(axis=0),
            scale_words=np.array([scale_word(s) for s in scales]),
            zero_point=d_zero - d_shift,
            a_unsigned=a_type is np.uint8,
            d_unsigned=d_type is np.uint8,
        )

        # In float64 the real value is off by less than 2**-40, and with powers of two exact:
        # only near ties does it take fractions to round it.
        sums = (a.astype(np.int64) - a_zero) @ b.astype(np.int64)
        real = sums * np.array([float(s) for s in scales])
        exact = np.rint(real).astype(np.int64)
        to_tie = np.abs(real - np.floor(real) - 0.5)
        if not power_of_two:
            for i, j in np.argwhere(to_tie < 2.0**-12):
                exact[i, j] = round(int(sums[i, j]) * scales[j])
        low, high = np.iinfo(d_type).min, np.iinfo(d_type).max
        exact = np.clip(exact + d_zero, low, high)

        mine, other = ours != exact, theirs != exact
        counts["elements"] += exact.size
        counts["saturated"] += int(np.isin(exact, (low, high)).sum())
        counts["within 2**-20 of a tie"] += int((to_tie < 2.0**-20).sum())
        counts["golden not exact"] += int(mine.sum())
        counts["onnxruntime not exact"] += int(other.sum())
        counts["golden and onnxruntime differ"] += int((ours != theirs).sum())
        assert np.all(to_tie[mine] < 2.0**-20)
        assert np.all(to_tie[other] < 2.0**-14)
    print(counts)
    return counts


TYPES = [(np.int8, np.int8), (np.uint8, np.uint8)]
"""A and D; ONNX Runtime has no kernel for a mixture."""


@pytest.mark.parametrize(("a_type", "d_type"), TYPES)
def test_scales_that_are_powers_of_two_agree_everywhere(a_type: Any, d_type: Any) -> None:
    """Nothing is rounded but the result, and ties are frequent: bit for bit."""
    counts = _compare(a_type, d_type, True, 1)
    assert counts["elements"] > 1_000_000
    assert counts["saturated"] < counts["elements"]
    assert counts["golden not exact"] == 0
    assert counts["golden and onnxruntime differ"] == 0


@pytest.mark.parametrize(("a_type", "d_type"), TYPES)
def test_any_scales_agree_but_near_ties(a_type: Any, d_type: Any) -> None:
    counts = _compare(a_type, d_type, False, 2)
    assert counts["elements"] > 1_000_000
    assert counts["golden not exact"] <= counts["within 2**-20 of a tie"]
    assert counts["onnxruntime not exact"] <= counts["elements"] // 10_000
