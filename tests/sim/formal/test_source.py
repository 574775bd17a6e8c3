# SPDX-License-Identifier: Apache-2.0
"""Bugs that are planted: where they take effect, and where not."""

import sys

import pytest

from matwright.bus.queue import Tally
from matwright_sim.formal.source import Plant, PlantError, Source

_PLANT = Plant("matwright.bus.queue", "class Tally(", "planted = True\n\n\nclass Tally(")


def test_without_a_bug_modules_are_the_ones_that_all_use():
    assert Source()("matwright.bus.queue").Tally is Tally


def test_a_bug_is_in_a_world_of_its_own():
    before = dict(sys.modules)
    source = Source(_PLANT)
    module = source("matwright.bus.queue")
    assert module.planted
    assert module.Tally is not Tally
    assert sys.modules["matwright.bus.queue"].Tally is Tally
    assert not hasattr(sys.modules["matwright.bus.queue"], "planted")
    assert {n: m for n, m in sys.modules.items() if n.startswith("matwright.")} == {
        n: m for n, m in before.items() if n.startswith("matwright.")
    }
    assert source("matwright.bus.queue") is module


def test_whoever_uses_the_planted_module_gets_the_bug():
    source = Source(_PLANT)
    assert source("matwright.bus.read").BurstQueue is source("matwright.bus.queue").BurstQueue
    assert source("matwright.engine").ReadEngine is source("matwright.bus.read").ReadEngine


def test_configurations_are_of_both_worlds():
    assert Source(_PLANT)("matwright.config") is sys.modules["matwright.config"]


@pytest.mark.parametrize("old, count", [("no such text", 0), ("self.some", 6)])
def test_the_text_of_a_bug_must_occur_once(old, count):
    message = rf"^'{old}' must occur once in matwright.bus.queue, not {count} times$"
    with pytest.raises(PlantError, match=message):
        Source(Plant("matwright.bus.queue", old, "x"))("matwright.bus.queue")


def test_a_bug_must_change_something():
    with pytest.raises(
        PlantError, match="^a bug in matwright.bus.queue must change 'class Tally'$"
    ):
        Source(Plant("matwright.bus.queue", "class Tally", "class Tally"))("matwright.bus.queue")


def test_a_bug_is_in_a_part_of_the_generator():
    message = "^a bug must be in a part of the generator, not in matwright.config$"
    with pytest.raises(PlantError, match=message):
        Source(Plant("matwright.config", "a", "b"))
    with pytest.raises(PlantError, match="^there is no module matwright.none to put a bug into$"):
        Source(Plant("matwright.none", "a", "b"))("matwright.none")
