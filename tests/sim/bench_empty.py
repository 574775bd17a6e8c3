# SPDX-License-Identifier: Apache-2.0
"""cocotb module without a test that runs, for test_runner.py."""

import cocotb


@cocotb.test(skip=True)
async def skipped(dut):
    """Never runs."""
