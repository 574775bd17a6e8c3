# SPDX-License-Identifier: Apache-2.0
"""What is written beside the Verilog: C header, register map, manifest."""
