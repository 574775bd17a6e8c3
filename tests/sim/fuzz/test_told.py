# SPDX-License-Identifier: Apache-2.0
"""What a machine says of itself, in words."""

import pytest

from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error
from matwright_sim.agents.host import Host
from matwright_sim.fuzz.bench import Bench
from matwright_sim.fuzz.told import error_name, error_words
from matwright_sim.verify.faults import at_moments


def test_codes() -> None:
    assert error_name(Error.SIZE) == "SIZE" and error_name(238) == "the unknown code 238"
    assert error_words(Error.WINDOW, 2, 64) == "WINDOW of descriptor 2 at 0x40"


@pytest.mark.parametrize("kind", ["strange_read", "read_slverr", "doorbell"])
def test_an_unknown_code_on_a_broken_bus_is_told(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not break off the check."""
    real = Host.error

    def babbling(self: Host) -> tuple[int, int, int]:
        code, index, address = real(self)
        return (238 if code else 0), index, address

    monkeypatch.setattr(Host, "error", babbling)
    _, done, fault = at_moments(Bench(PRESETS["tiny"]), kind, (1, 2, 3), 20, None)
    assert done <= 20 and "the unknown code 238" in fault
