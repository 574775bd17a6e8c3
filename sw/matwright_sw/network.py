# SPDX-License-Identifier: Apache-2.0
"""A small quantized network and the 8x8 handwritten digits it was not trained on.

The shipped file holds a multilayer perceptron, ``scripts/train_digits.py`` makes it. Its test
images are from "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI Machine
Learning Repository, 1998, CC BY 4.0), as scikit-learn ships them.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .driver import Driver
from .errors import OperandError
from .operands import Activations, Result, columns_agree, fold_zero_point
from .report import Report

__all__ = ["DIGITS", "Gemm", "Layer", "Network"]

DIGITS = Path(__file__).parent / "data" / "digits.npz"
"""The network that ships with the package."""


class Gemm(Protocol):
    """A quantized GEMM, as :meth:`Driver.gemm` and the golden model offer it."""

    def __call__(
        self,
        a: NDArray[Any],
        b: NDArray[Any],
        /,
        *,
        bias: NDArray[np.int32],
        scale: NDArray[np.float64] | None,
        zero_point: int,
        relu: bool,
    ) -> NDArray[Any]:
        """``act(scale * (a @ b + bias)) + zero_point`` as int8; int32, not scaled, without scale."""
        ...


@dataclass(frozen=True)
class Layer:
    """One dense layer, quantized and as it was trained."""

    weight: NDArray[np.int8]
    """K x N."""
    bias: NDArray[np.int32]
    """Bias of each column, in units of the accumulator; the input's zero point is folded in."""
    scale: NDArray[np.float64] | None
    """Accumulator to output, for each column; None in the last layer, whose output is int32."""
    zero_point: int
    """Value of the output that stands for 0."""
    relu: bool
    """Negative outputs become 0: all layers but the last."""
    float_weight: NDArray[np.float32]
    """K x N."""
    float_bias: NDArray[np.float32]
    """N."""


@dataclass(frozen=True)
class Network:
    """Dense layers one after another, and test images with their labels.

    Hidden layers give int8 through ReLU, the last one int32 logits on one common scale, so that
    their largest is the answer. Images are rows of integers as the data set has them.
    """

    layers: tuple[Layer, ...]
    input_scale: float
    """What one unit of a pixel stands for in the float network."""
    test_images: NDArray[np.uint8]
    """Images that training did not see, one a row."""
    test_labels: NDArray[np.uint8]
    """Their digits."""
    test_indices: NDArray[np.int64]
    """Their places in the data set."""

    @classmethod
    def load(cls, path: Path = DIGITS) -> Self:
        """The network of a file that ``scripts/train_digits.py`` wrote."""
        with np.load(path, allow_pickle=False) as data:
            count = int(data["layers"])
            layers = []
            zero_point = 0
            for i in range(count):
                last = i == count - 1
                weight = data[f"weight_{i}"]
                layer = Layer(
                    weight=weight,
                    bias=fold_zero_point(weight, data[f"bias_{i}"], zero_point),
                    scale=None if last else data[f"scale_{i}"],
                    zero_point=0 if last else int(data[f"zero_point_{i}"]),
                    relu=not last,
                    float_weight=data[f"float_weight_{i}"],
                    float_bias=data[f"float_bias_{i}"],
                )
                layers.append(layer)
                zero_point = layer.zero_point
            return cls(
                layers=tuple(layers),
                input_scale=float(data["input_scale"]),
                test_images=data["test_images"],
                test_labels=data["test_labels"],
                test_indices=data["test_indices"],
            )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Width of the input and of each layer."""
        return (self.layers[0].weight.shape[0], *(x.weight.shape[1] for x in self.layers))

    def float_logits(self, images: ArrayLike) -> NDArray[np.float64]:
        """Logits of the network as it was trained."""
        x: NDArray[np.float64] = self._images(images).astype(np.float64) * self.input_scale
        for layer in self.layers:
            x = x @ layer.float_weight.astype(np.float64) + layer.float_bias.astype(np.float64)
            x = np.maximum(x, 0.0) if layer.relu else x
        return x

    def golden(self, images: ArrayLike, gemm: Gemm) -> NDArray[np.int32]:
        """Logits of the quantized network, each layer computed by ``gemm``."""
        x: NDArray[Any] = self._images(images)
        for layer in self.layers:
            x = gemm(
                x,
                layer.weight,
                bias=layer.bias,
                scale=layer.scale,
                zero_point=layer.zero_point,
                relu=layer.relu,
            )
        return x

    def run(
        self, driver: Driver, images: ArrayLike, *, one_program: bool = False
    ) -> tuple[NDArray[np.int32], list[Report]]:
        """Logits by the device, the whole batch at once, and a report of each program.

        Each layer is a program; with ``one_program`` all layers are one. Results of hidden layers
        stay on the device where its layouts of A and D agree. Where they do not, the host moves
        them and ``one_program`` is refused.
        """
        config = driver.config
        if (config.precision.a_width, config.precision.b_width) != (8, 8):
            raise OperandError(
                "the network must run on 8 x 8 bits, not on "
                f"{config.precision.a_width} x {config.precision.b_width}"
            )
        chained = all(columns_agree(config, size) for size in self.sizes[1:-1])
        if one_program and not chained:
            raise OperandError(
                f"one_program must be False on {config.name}, whose layouts of a and results differ"
            )
        reports: list[Report] = []
        with ExitStack() as stack:
            program = driver.program()
            x: Activations | Result = driver.upload_a(self._images(images))
            stack.enter_context(x)
            for layer in self.layers:
                n = layer.weight.shape[1]
                scale = 1.0 if layer.scale is None else layer.scale
                weights = stack.enter_context(driver.upload_b(layer.weight))
                table = stack.enter_context(driver.upload_table(layer.bias, scale, n=n))
                result = program.gemm(
                    x,
                    weights,
                    table=table,
                    zero_point=layer.zero_point,
                    raw=layer.scale is None,
                    relu=layer.relu,
                )
                stack.enter_context(result)
                x = result
                if not one_program:
                    reports.append(driver.run(program))
                    program = driver.program()
                    if not chained and layer is not self.layers[-1]:
                        x = stack.enter_context(driver.upload_a(driver.download(result)))
            if one_program:
                reports.append(driver.run(program))
            assert isinstance(x, Result)
            return driver.download(x), reports

    def accuracy(self, logits: NDArray[Any], labels: Sequence[int] | NDArray[Any]) -> float:
        """Part of the images whose largest logit is that of their label."""
        return float(np.mean(np.argmax(logits, axis=1) == np.asarray(labels)))

    def _images(self, images: ArrayLike) -> NDArray[np.int8]:
        array = np.asarray(images)
        width = self.sizes[0]
        if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] != width:
            raise OperandError(
                f"images must be rows of {width} integers, not {array.dtype} of shape {array.shape}"
            )
        if array.size and not 0 <= int(array.min()) <= int(array.max()) <= 127:
            raise OperandError(
                f"images must hold values from 0 to 127, not {array.min()} to {array.max()}"
            )
        return array.astype(np.int8)
