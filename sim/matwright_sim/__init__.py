# SPDX-License-Identifier: Apache-2.0
"""Matwright in simulation: golden model, cycle model, cocotb benches, compiled accelerator."""

__all__: list[str] = []
