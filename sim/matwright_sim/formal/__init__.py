# SPDX-License-Identifier: Apache-2.0
"""Proofs of what the parts of an accelerator promise, for all inputs and all time, by Yosys alone."""
