# SPDX-License-Identifier: Apache-2.0
"""UART under cocotb, in both simulators; the checks are in the bench."""

from pathlib import Path
from typing import Any

import pytest

from matwright.config import ConfigError
from matwright.system.uart import MOST_DIVISOR, Uart, check_divisor
from matwright_sim.runner import run_bench

CASES = [("icarus", 4), ("icarus", 5), ("icarus", 8), ("icarus", 13), ("icarus", 16)]
CASES += [("verilator", 4), ("verilator", 27)]


@pytest.mark.parametrize(
    ("simulator", "divisor", "seed"), [(*case, 900 + i) for i, case in enumerate(CASES)]
)
def test_uart(simulator: str, divisor: int, seed: int, tmp_path: Path) -> None:
    run_bench(
        Uart(divisor),
        name="uart",
        bench="matwright_sim.benches.system_uart",
        simulator=simulator,
        parameters={"DIVISOR": str(divisor)},
        seed=seed,
        build_root=tmp_path,
    )


@pytest.mark.parametrize("divisor", [4, 5, MOST_DIVISOR])
def test_legal(divisor: int) -> None:
    check_divisor(divisor)


@pytest.mark.parametrize("divisor", [3, MOST_DIVISOR + 1, -4, 8.0, True, "8"])
def test_refusals(divisor: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        check_divisor(divisor)
    assert str(caught.value) == f"divisor must be an integer from 4 to 65535, not {divisor!r}"
