# SPDX-License-Identifier: Apache-2.0
"""Train and quantize the digits network that ships with ``matwright_sw``.

Run ``python scripts/train_digits.py``; it takes a second or two and writes
``sw/matwright_sw/data/digits.npz``. Needs scikit-learn, for its 1,797 images of 8 x 8 pixels.

The split is fixed by the seed: 36 images of each digit, 360 in all (20 %), are for the test and
nothing else. A 64-48-32-10 perceptron with ReLU is trained on the other 1,437 by Adam (D. P. Kingma
and J. Ba, arXiv:1412.6980) on the cross entropy.

Quantization: pixels 0..16 are int8 as they are. A weight column of a hidden layer is scaled by its
largest magnitude to -127..127; the last layer has one scale, so that int32 logits compare. A hidden
layer's outputs 0..largest over the training images become -128..127, so its zero point is -128.

In the file, for layer i: ``float_weight_i``, ``float_bias_i``; ``weight_i`` int8, ``bias_i`` int32
(in units of the accumulator, zero point of the input not yet folded in), ``scale_i`` accumulator
to output, per column (for the last layer: to the float logits), ``zero_point_i`` of the output.
Beside them: ``layers``, ``input_scale``, ``test_images``, ``test_labels``, ``test_indices``.
"""

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

SIZES = (64, 48, 32, 10)
SEED = 1
TEST_PER_DIGIT = 36
EPOCHS = 60
BATCH = 32
RATE = 2e-3
DECAY = 1e-4
INPUT_SCALE = 1 / 16
OUTPUT = Path(__file__).parents[1] / "sw" / "matwright_sw" / "data" / "digits.npz"

Floats = NDArray[np.float64]


def split(labels: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Indices for training and for the test."""
    test = [
        rng.permutation(np.flatnonzero(labels == digit))[:TEST_PER_DIGIT] for digit in range(10)
    ]
    chosen = np.sort(np.concatenate(test))
    return np.setdiff1d(np.arange(labels.size), chosen), chosen


def forward(weights: list[Floats], biases: list[Floats], x: Floats) -> list[Floats]:
    """Input, output of each hidden layer, logits."""
    values = [x]
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        z = values[-1] @ weight + bias
        values.append(np.maximum(z, 0) if i < len(weights) - 1 else z)
    return values


def gradients(
    weights: list[Floats], biases: list[Floats], x: Floats, labels: NDArray[Any]
) -> list[Floats]:
    """Gradients of the mean cross entropy, of the weights and then of the biases."""
    values = forward(weights, biases, x)
    logits = values[-1] - values[-1].max(axis=1, keepdims=True)
    error = np.exp(logits)
    error /= error.sum(axis=1, keepdims=True)
    error[np.arange(labels.size), labels] -= 1
    error /= labels.size
    by_weight: list[Floats] = []
    by_bias: list[Floats] = []
    for i in reversed(range(len(weights))):
        by_weight.insert(0, values[i].T @ error + DECAY * weights[i])
        by_bias.insert(0, error.sum(axis=0))
        error = (error @ weights[i].T) * (values[i] > 0)
    return by_weight + by_bias


def train(
    x: Floats, labels: NDArray[Any], rng: np.random.Generator
) -> tuple[list[Floats], list[Floats]]:
    """Weights and biases of the layers."""
    weights = [rng.normal(0, np.sqrt(2 / a), (a, b)) for a, b in pairwise(SIZES)]
    biases = [np.zeros(b) for b in SIZES[1:]]
    parameters = weights + biases
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    steps = EPOCHS * -(-labels.size // BATCH)
    step = 0
    for _ in range(EPOCHS):
        order = rng.permutation(labels.size)
        for start in range(0, labels.size, BATCH):
            batch = order[start : start + BATCH]
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            slopes = gradients(weights, biases, x[batch], labels[batch])
            for p, slope, m, v in zip(parameters, slopes, first, second, strict=True):
                m += 0.1 * (slope - m)
                v += 0.001 * (slope**2 - v)
                p -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return weights, biases


def quantize(weights: list[Floats], biases: list[Floats], x: Floats) -> dict[str, NDArray[Any]]:
    """Arrays of the integer network; ``x`` are training inputs that set the ranges."""
    values = forward(weights, biases, x)
    arrays: dict[str, NDArray[Any]] = {}
    scale_in = INPUT_SCALE
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        last = i == len(weights) - 1
        largest = np.abs(weight).max(axis=0)
        scale_weight = np.broadcast_to(largest.max(), largest.shape) if last else largest
        scale_weight = scale_weight / 127
        unit = scale_in * scale_weight
        scale_out = 1.0 if last else values[i + 1].max() / 255
        arrays[f"weight_{i}"] = np.rint(weight / scale_weight).astype(np.int8)
        arrays[f"bias_{i}"] = np.rint(bias / unit).astype(np.int32)
        arrays[f"scale_{i}"] = unit / scale_out
        arrays[f"zero_point_{i}"] = np.array(0 if last else -128)
        scale_in = scale_out
    return arrays


def build() -> dict[str, NDArray[Any]]:
    """All arrays of the file."""
    pixels, labels = load_digits(return_X_y=True)
    images = pixels.astype(np.uint8)
    rng = np.random.default_rng(SEED)
    training, test = split(labels, rng)
    x: Floats = images[training].astype(np.float64) * INPUT_SCALE
    weights, biases = train(x, labels[training], rng)
    arrays: dict[str, NDArray[Any]] = {"layers": np.array(len(weights))}
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        arrays[f"float_weight_{i}"] = weight.astype(np.float32)
        arrays[f"float_bias_{i}"] = bias.astype(np.float32)
    arrays |= quantize(weights, biases, x)
    arrays["input_scale"] = np.array(INPUT_SCALE)
    arrays["test_images"] = images[test]
    arrays["test_labels"] = labels[test].astype(np.uint8)
    arrays["test_indices"] = test.astype(np.int64)
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description="Train and quantize the digits network.")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT, help="file to write")
    output = parser.parse_args().output
    np.savez_compressed(output, allow_pickle=False, **build())
    print(f"{output}: {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
