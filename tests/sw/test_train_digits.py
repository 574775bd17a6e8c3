# SPDX-License-Identifier: Apache-2.0
"""The script that makes the network: its gradients, its split, and that it makes what is shipped."""

import importlib
from typing import Any

import numpy as np

from matwright_sw.network import DIGITS, Network

train_digits: Any = importlib.import_module("train_digits")

SEED = 25


def test_gradients() -> None:
    """Against central differences of the loss."""
    rng = np.random.default_rng(SEED)
    weights = [rng.normal(size=(5, 4)), rng.normal(size=(4, 3))]
    biases = [rng.normal(size=4), rng.normal(size=3)]
    x, labels = rng.normal(size=(7, 5)), rng.integers(0, 3, 7)

    def loss() -> float:
        logits = train_digits.forward(weights, biases, x)[-1]
        entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(7), labels]
        return entropy.mean() + train_digits.DECAY / 2 * sum((w**2).sum() for w in weights)

    slopes = train_digits.gradients(weights, biases, x, labels)
    for p, slope in zip(weights + biases, slopes, strict=True):
        for at in np.ndindex(p.shape):
            kept, step = p[at], 1e-6
            p[at] = kept + step
            above = loss()
            p[at] = kept - step
            below = loss()
            p[at] = kept
            assert abs((above - below) / (2 * step) - slope[at]) < 1e-7, f"seed {SEED}"


def test_training_makes_what_is_shipped(tmp_path: Any) -> None:
    """Not bit for bit, because BLAS may add in another order; the same split and as good."""
    np.savez(tmp_path / "digits.npz", allow_pickle=False, **train_digits.build())
    fresh, shipped = Network.load(tmp_path / "digits.npz"), Network.load(DIGITS)
    assert (fresh.test_indices == shipped.test_indices).all()
    assert (fresh.test_images == shipped.test_images).all()
    real = fresh.float_logits(fresh.test_images)
    assert fresh.accuracy(real, fresh.test_labels) >= 0.97
    for ours, theirs in zip(fresh.layers, shipped.layers, strict=True):
        assert np.abs(ours.float_weight - theirs.float_weight).max() < 0.05
