# SPDX-License-Identifier: Apache-2.0
"""Under which conditions a branch of Yosys' Verilog is taken."""

import re

from .counts import Line

__all__ = ["path"]

_IF = re.compile(r"^ *(end else )?if \((.*?)\) begin$")
_CASE = re.compile(r"^ *case[zx]? \((.*)\)$")
_ITEM = re.compile(r"^ *([\w', ?]+|default):( begin)?$")
_ATTRIBUTE = re.compile(r"\(\*.*?\*\)")
_CHOICE = re.compile(r"= (.*?) \? ")
_PATTERN = re.compile(r"(\d+)'([bh])([\da-f?]+)")


class _Frame:
    """An open ``if``, ``case`` or ``begin``: what holds inside, and what was asked before."""

    def __init__(self, kind: str, subject: str = "") -> None:
        self.kind, self.subject = kind, subject
        self.before: list[str] = []
        self.now: list[str] = []


def path(verilog: list[str], line: Line) -> str | None:
    """A Verilog expression that is true where ``line``, one way of a branch, is taken.

    It may be true elsewhere too. None where no condition is to be seen.
    """
    text = _plain(verilog[line.line - 1])
    if match := _CHOICE.search(text):
        return f"({match[1]})" if line.comment == "cond_then" else f"!({match[1]})"
    match = _IF.match(text)
    if match is None or line.comment not in ("if", "elsif", "else"):
        return None
    frames: list[_Frame] = []
    start = line.line - 1
    while not re.match(r"^ *always ", verilog[start - 1]):
        start -= 1
    for number in range(start, line.line):
        _follow(frames, _plain(verilog[number]))
    if line.comment == "else":
        frames[-1].now[-1] = f"!({match[2]})"
    return " && ".join(word for frame in frames for word in frame.now) or None


def _plain(text: str) -> str:
    return _ATTRIBUTE.sub("", text).rstrip()


def _follow(frames: list[_Frame], text: str) -> None:
    words = text.strip()
    if match := _IF.match(text):
        if match[1]:
            frame = frames[-1]
        else:
            frame = _Frame("if")
            frames.append(frame)
        frame.now = [*(f"!({word})" for word in frame.before), f"({match[2]})"]
        frame.before.append(match[2])
    elif words == "end else begin":
        frames[-1].now = [f"!({word})" for word in frames[-1].before]
    elif match := _CASE.match(text):
        frames.append(_Frame("case", match[1]))
    elif match := _ITEM.match(text):
        frame = next(frame for frame in reversed(frames) if frame.kind == "case")
        choices = [_equals(frame.subject, item.strip()) for item in match[1].split(",")]
        frame.now = [] if None in choices else [f"({' || '.join(map(str, choices))})"]
        if match[2]:
            frames.append(_Frame("begin"))
    elif words in ("end", "endcase"):
        frames.pop()
    elif words.endswith(" begin") or words == "begin":
        frames.append(_Frame("begin"))


def _equals(subject: str, item: str) -> str | None:
    match = _PATTERN.fullmatch(item)
    if match is None:
        return None
    bits = 1 if match[2] == "b" else 4
    mask = value = 0
    for digit in match[3]:
        mask, value = mask << bits, value << bits
        if digit != "?":
            mask |= (1 << bits) - 1
            value |= int(digit, 16)
    width, ones = match[1], (1 << int(match[1])) - 1
    mask, value = mask & ones, value & ones
    return f"(({subject} & {width}'h{mask:x}) == {width}'h{value:x})"
