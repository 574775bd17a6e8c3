# SPDX-License-Identifier: Apache-2.0
"""Checks that do what a test wants, for the campaign to run."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matwright_fpga.errors import ToolError
from matwright_sim.compiled import RegisterError
from matwright_sim.verify.check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task


def good(task: Task) -> Outcome:
    task.advance(1, 2)
    facts = [Figure("seed", task.seed), Figure("<share>", 0.98765, "at least 0.98")]
    sheet = Sheet("blocks & parts", ("block", "count"), (("a<b", 1), ("c", 2)))
    return Outcome(figures=facts, sheets=[sheet], notes=["a note"])


def bad(task: Task) -> Outcome:
    case = {"number": 7}
    failures = [Failure("D differs", seed=5, case=case), Failure("and another", seed=6)]
    return Outcome(figures=[Figure("programs", 12)], failures=failures)


def again(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    if trace is not None:
        trace.write_text("wave")
    assert case == {"number": 7} and task.seed == 5
    if task.config.name == "mended":
        return Outcome(notes=["mended"])
    return Outcome(failures=[Failure(f"D differs on {task.config.name}")])


def missed(task: Task) -> Outcome:
    return Outcome(figures=[Figure("killed", 0.5, "at least 0.98", met=False)])


def silent(task: Task) -> Outcome:
    raise NotRun("it has no counters")


def broken(task: Task) -> Outcome:
    raise RuntimeError("a table\nis empty")


def killed(task: Task) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def left(task: Task) -> Outcome:
    """Ends without a word, and leaves a tool that runs on."""
    tool = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
    (task.folder / "tool").write_text(str(tool.pid))
    os._exit(3)


def piped(task: Task) -> Outcome:
    raise BrokenPipeError(32, "a tool is gone")


def replays(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    """Does what the case says."""
    kind = case["kind"]
    if kind == "nothing to say":
        raise NotRun("there is no proof called 'x'")
    if kind == "assertion":
        raise AssertionError("the bench has failed\nwith a log")
    if kind == "register":
        raise RegisterError("a register read must be answered OKAY, not SLVERR at 0x10")
    if kind == "tool":
        raise ToolError("yosys is not on PATH; install it with pip install 'matwright[fpga]'")
    if kind == "text":
        len(case["count"])
    return Outcome()


def slow(task: Task) -> Outcome:
    (task.folder / "pid").write_text(str(os.getpid()))
    time.sleep(600)
    raise AssertionError


CHECKS = {
    "good": Check("good", "shows that all is well", good, needs=("compiler",)),
    "bad": Check("bad", "finds something", bad, replay=again),
    "missed": Check("missed", "has a goal", missed),
    "silent": Check("silent", "has nothing to say", silent),
    "broken": Check("broken", "breaks off", broken),
    "killed": Check("killed", "crashes", killed),
    "left": Check("left", "leaves a tool", left),
    "piped": Check("piped", "loses a tool", piped, replay=replays, waves=()),
    "needy": Check("needy", "needs what is not there", good, needs=("compiler", "prover")),
    "slow": Check("slow", "takes long", slow, quick=False),
}
