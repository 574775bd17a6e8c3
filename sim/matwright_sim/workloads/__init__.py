# SPDX-License-Identifier: Apache-2.0
"""Workloads of real models: from a model's configuration to the GEMMs of a step."""

from .errors import WorkloadError
from .gemm import Gemm, distinct, macs, read_gemms
from .library import load, names
from .model import Experts, GroupedAttention, LatentAttention, ModelConfig
from .shapes import active_experts, decode, prefill, spread

__all__ = [
    "Experts",
    "Gemm",
    "GroupedAttention",
    "LatentAttention",
    "ModelConfig",
    "WorkloadError",
    "active_experts",
    "decode",
    "distinct",
    "load",
    "macs",
    "names",
    "prefill",
    "read_gemms",
    "spread",
]
