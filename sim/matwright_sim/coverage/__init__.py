# SPDX-License-Identifier: Apache-2.0
"""What a regression has reached of a design: lines, branches and bits of its Verilog, and bins of cases."""
