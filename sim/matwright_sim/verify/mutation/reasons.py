# SPDX-License-Identifier: Apache-2.0
"""Why a mutant that survives, and that no proof reaches, changes nothing that anybody can see.

A rule names lines of the generator, by what they say, and why a machine of such a configuration does the
same whatever they come to. It is asked only about survivors: what makes such a line say something wrong
that can be seen has been killed. The proofs of :mod:`.proof` take any state of the registers; rules are
for what is so in the states that are reached.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matwright
from matwright.config import AcceleratorConfig

from .netlist import Mutant

__all__ = ["RULES", "Rule", "reason"]


class Rule(NamedTuple):
    """Lines, and why what they come to does not matter."""

    file: str
    """Regular expression of the path of the generator's file."""
    text: str
    """Regular expression of what a line says."""
    port: str
    """Regular expression of the cell's port."""
    applies: Callable[[AcceleratorConfig], bool]
    reason: str


def _plain(config: AcceleratorConfig) -> bool:
    """The host has no register that makes memories forget."""
    return not config.build.protected


def _single(config: AcceleratorConfig) -> bool:
    return config.build.descriptors == 1


_UNREAD = "no word is read before it is written, unless a bit on chip flips"
_ALONE = "the next descriptor is dispatched after the last response of the one before"

RULES: tuple[Rule, ...] = (
    Rule(r"memory/marks\.py", r"", r"", _plain, _UNREAD),
    Rule(r"memory/weight\.py", r"\bstale\b|\blevel\b|self\.unwritten", r"", _plain, _UNREAD),
    Rule(
        r"memory/(activation|parameter|accumulator)\.py",
        r"marks\.written|self\.unwritten|\.eq\(Mux\(written, self\.read\.count, 0\)\)",
        r"",
        _plain,
        _UNREAD,
    ),
    Rule(
        r"memory/(weight_columns|parameter|accumulator)\.py",
        r"Mux\((shows\.written|shown\.written|written), \w+, 0\)",
        r"A|S",
        _plain,
        "what a word carries that was not written is not looked at",
    ),
    Rule(r"schedule/dispatcher\.py", r"\bpending\b|self\.ended|\bkept\b", r"", _single, _ALONE),
    Rule(r"schedule/storer\.py", r"self\.post_idle", r"", _single, _ALONE),
    Rule(r"post/(post|serial)\.py", r"\bidle\b", r"", _single, _ALONE),
    Rule(
        r"bus/guard\.py",
        r"length\[-1\]|\blength\.eq|self\.len\b",
        r"",
        lambda config: True,
        "the splitter makes no burst that is longer, or leaves its aligned block",
    ),
    Rule(
        r"platform/place\.py",
        r"reset = ResetSignal\(\) \| clear",
        r"",
        lambda config: True,
        "a reset of what is loaded again before it is used",
    ),
)


def reason(config: AcceleratorConfig, mutant: Mutant) -> str:
    """Why nobody can tell a survivor from the sound machine, or an empty text."""
    if mutant.block == "array" and not mutant.source and re.match(r"B\[", mutant.port):
        # A multiplexer that no line is named for is a reset; its second input is what that resets to.
        return "what a reset makes of weights and sums, which are loaded again before they are used"
    for source in mutant.source.split():
        path, _, line = source.rpartition(":")
        text = _lines(path)[int(line) - 1]
        for rule in RULES:
            if (
                re.search(rule.file, path)
                and re.search(rule.text, text)
                and re.match(rule.port, mutant.port)
                and rule.applies(config)
            ):
                return rule.reason
    return ""


@cache
def _lines(path: str) -> list[str]:
    return (Path(matwright.__file__).parents[1] / path).read_text("utf-8").splitlines()
