# SPDX-License-Identifier: Apache-2.0
"""Mutants of the generated Verilog: made, compiled once, run, judged, and proven where none can tell."""
