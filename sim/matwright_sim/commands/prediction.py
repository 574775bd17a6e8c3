# SPDX-License-Identifier: Apache-2.0
"""The GEMM that a command is asked about, followed by the cycle model."""

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .common import tiling_facts

if TYPE_CHECKING:
    from matwright.config import AcceleratorConfig

    from ..cycles import Memory, Run
    from ..cycles.gemm import GemmProgram

__all__ = ["Prediction", "predict"]


@dataclass(frozen=True)
class Prediction:
    """A program and how it runs."""

    config: "AcceleratorConfig"
    gemm: tuple[int, int, int]
    raw: bool
    memory: "Memory"
    program: "GemmProgram"
    found: "Run"

    @property
    def facts(self) -> dict[str, Any]:
        """What was followed, for JSON."""
        return {
            "gemm": list(self.gemm),
            "output": "int32" if self.raw else "int8",
            "tiling": tiling_facts(self.program.choice),
            "latency": self.memory.read_latency,
            "config": self.config.name,
            "config_sha256": self.config.digest,
        }


def predict(arguments: argparse.Namespace) -> Prediction:
    """Follows the GEMM of the options that :func:`.add_gemm` adds."""
    from ..cycles import Memory, exact
    from ..cycles.gemm import gemm_program

    config, (m, n, k), raw = arguments.config, arguments.gemm, arguments.raw
    memory = Memory(read_latency=arguments.latency, write_latency=arguments.latency)
    program = gemm_program(config, m, n, k, raw=raw, tiling=arguments.tiling, memory=memory)
    found = exact(config, [program.descriptor], memory, program.address)
    return Prediction(config, (m, n, k), raw, memory, program, found)
