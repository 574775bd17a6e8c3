# SPDX-License-Identifier: Apache-2.0
"""Names of signals that are assigned in pairs."""

from opcode import opname

import pytest
from amaranth import Signal, tracer

from matwright import names


def test_pairs_of_signals_have_names() -> None:
    names.keep_names()
    names.keep_names()
    first, second = Signal(), Signal()
    alone = Signal()
    assert alone.name == "alone"
    assert "second" in (first.name, second.name)


@pytest.mark.skipif("STORE_FAST_STORE_FAST" in opname, reason="this Python has the instruction")
def test_nothing_is_changed_where_it_is_not_needed() -> None:
    before = tracer.get_var_name
    names.keep_names()
    assert tracer.get_var_name is before
