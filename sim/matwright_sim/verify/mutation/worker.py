# SPDX-License-Identifier: Apache-2.0
"""Mutants of one block in a process of their own: what does not settle ends the process, not the campaign.

``python -m matwright_sim.verify.mutation.worker`` reads a task as JSON and writes a line of JSON for each
mutant: its number and how it was killed. :func:`killed` is the other end.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from matwright.config import AcceleratorConfig

from .campaign import Kill, perform, rehearse
from .plan import parts

__all__ = ["UNSETTLED", "killed"]

UNSETTLED = Kill("", "", "hang", "the simulation does not settle")
"""Of a mutant that ends the simulator."""


def killed(
    config: AcceleratorConfig, verilog: Path, block: str, numbers: Sequence[int], seed: int
) -> Iterator[tuple[int, Kill | None]]:
    """Each of the mutants and how it was told from the sound machine, None if it was not."""
    left = list(numbers)
    while left:
        task = {
            "config": config.to_toml(),
            "verilog": str(verilog),
            "block": block,
            "numbers": left,
            "seed": seed,
        }
        path = os.pathsep.join(entry or os.curdir for entry in sys.path)
        with subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        ) as process:
            assert process.stdin and process.stdout and process.stderr
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(task))
                process.stdin.close()
            ready = False
            for line in process.stdout:
                if not line.startswith("["):
                    continue  # what Verilator says of its end
                number, kill = json.loads(line)
                if number is None:
                    ready = True
                    continue
                left.remove(number)
                yield number, None if kill is None else Kill(*kill)
            said = process.stderr.read()
        # The simulator aborts where a mutant does not settle; an exception ends the worker with a status.
        if process.returncode and not (ready and process.returncode == -signal.SIGABRT):
            told = said.strip().splitlines()[-1:] or [f"a worker ended with {process.returncode}"]
            raise RuntimeError(told[0])
        if left:
            yield left.pop(0), UNSETTLED


def _main() -> None:
    task = json.load(sys.stdin)
    config = AcceleratorConfig.from_toml(task["config"])
    verilog = Path(task["verilog"]).read_text("utf-8")
    rehearsed = list(rehearse(config, verilog, parts(config, task["block"], task["seed"])))
    print(json.dumps([None, None]), flush=True)
    for number in task["numbers"]:
        print(json.dumps([number, perform(config, verilog, number, rehearsed)]), flush=True)


if __name__ == "__main__":
    _main()
