# SPDX-License-Identifier: Apache-2.0
"""Matwright on FPGAs: synthesis, placement and routing with open tools, and what they report."""

__all__: list[str] = []
