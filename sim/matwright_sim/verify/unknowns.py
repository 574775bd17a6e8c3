# SPDX-License-Identifier: Apache-2.0
"""Unknown bits: without initial values, and after a reset, none reaches a bus, a register or a result.

Two ways to see one. A 4-state simulator carries what nobody has written on as X, and a watch at the
ports looks for it in every cycle from the first of the reset on. A 2-state simulator starts twice from
values drawn at random, and both runs must be the same: memory, registers, counters, cycles, traffic.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matwright.bus.register_map import REGISTERS
from matwright.config import AcceleratorConfig

from ..agents.host import Host
from ..compiled import CompiledAccelerator
from ..runner import BenchError
from ..stripped import READS, stripped
from ..watched import WATCH, Watched, watched
from .check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task
from .episodes import TROUBLES, Episode, draw
from .traces import clear, waveform

if TYPE_CHECKING:
    from ..benches.unknowns import Seen

__all__ = ["CHECK", "MOST_MULTIPLIERS"]

MOST_MULTIPLIERS = 512
"""Of a configuration that Icarus simulates in a reasonable time."""

_ROUND = len(TROUBLES)
_ROUNDS_FULL = 8
_TWIN_EPISODES = 120
_WORLDS = ((0.2, 20), (0.0, 1), (0.5, 5), (0.0, 60))
"""Probability of a pause and latency of the memory, round by round."""

_READABLE = {register.name: register.offset for register in REGISTERS if register.access != "WO"}
_MOST_CYCLES = 200_000


def run(task: Task) -> Outcome:
    """The check."""
    config = task.config
    multipliers = config.rows * config.cols
    if multipliers > MOST_MULTIPLIERS:
        raise NotRun(
            f"Icarus is too slow for {multipliers} multipliers; at most {MOST_MULTIPLIERS} are simulated"
        )
    rounds = _ROUNDS_FULL if task.full else 1
    steps = rounds + 1 + (_TWIN_EPISODES + 1 if task.full else 0)
    task.advance(0, steps)
    top = f"matwright_{config.name}"
    watch = watched(config, top)
    text = stripped(task.verilog, top, WATCH) + watch.verilog
    task.advance(1, steps)
    outcome, total = Outcome(), dict.fromkeys(_integers(watch), 0)
    cycles = done = 0
    for number in range(rounds):
        case = {"seed": task.seed, "first": number * _ROUND, "count": _ROUND, "round": number}
        try:
            seen = _play(config, text, watch, case, None)
        except BenchError as error:
            what = str(error).splitlines()[0]
            outcome.failures.append(Failure(what, task.seed, {"kind": "watch", **case}))
            continue
        _judge(outcome, seen, watch, {"kind": "watch", **case}, task.seed)
        for name in total:
            total[name] += seen.integers[name]
        cycles += seen.cycles
        done += seen.done
        task.advance(2 + number, steps)
    if done:
        _report(outcome, watch, total, cycles, done)
    if task.full:
        _twins(task, top, outcome, rounds + 1, steps)
    else:
        outcome.notes.append(
            "Pairs of runs from drawn initial values are compared in a full campaign."
        )
    return outcome


def _integers(watch: Watched) -> list[str]:
    return [*READS, *watch.looks.values(), *watch.unknown.values()]


# X.


def _play(
    config: AcceleratorConfig,
    text: str,
    watch: Watched,
    case: Mapping[str, Any],
    trace: Path | None,
) -> "Seen":
    # Needs cocotb.
    from ..benches.unknowns import run_episodes

    stall, latency = _WORLDS[case["round"] % len(_WORLDS)]
    with waveform(trace, WATCH) as root:
        return run_episodes(
            text,
            WATCH,
            [draw(config, case["seed"], case["first"] + i) for i in range(case["count"])],
            _integers(watch),
            stall=stall,
            latency=latency,
            seed=case["seed"] + case["round"],
            build_root=root,
            waves=root is not None,
        )


def _judge(
    outcome: Outcome, seen: "Seen", watch: Watched, case: Mapping[str, Any], seed: int
) -> None:
    for what in seen.faults:
        outcome.failures.append(Failure(f"Without initial values, {what}.", seed, case))
    for port, name in watch.unknown.items():
        if seen.integers[name]:
            what = f"{port} was unknown in {seen.integers[name]} of {seen.cycles} cycles."
            outcome.failures.append(Failure(what, seed, case))


def _report(
    outcome: Outcome, watch: Watched, total: Mapping[str, int], cycles: int, done: int
) -> None:
    reads, unknown_reads = (total[name] for name in READS)
    unknown = sum(total[name] for name in watch.unknown.values())
    looked = {channel: total[name] for channel, name in watch.looks.items()}
    unseen = [channel for channel, count in looked.items() if count == 0]
    outcome.figures += [
        Figure("programs, with and without errors and resets", done),
        Figure("cycles watched", cycles),
        Figure("outputs unknown, cycles", unknown, "0", unknown == 0),
        Figure("channels that were never valid", len(unseen), "0", not unseen),
        Figure("words read from SRAM", reads),
        Figure("of them unknown, and kept from whoever may not see them", unknown_reads),
    ]
    outcome.sheets.append(
        Sheet(
            "Outputs watched for unknown bits",
            ("channel", "cycles valid"),
            tuple((name, count) for name, count in looked.items()),
        )
    )


# Two runs from different values.


def _twins(task: Task, top: str, outcome: Outcome, step: int, steps: int) -> None:
    text = stripped(task.verilog, top)
    episodes = [draw(task.config, task.seed, number) for number in range(_TWIN_EPISODES)]
    runs = []
    for number in range(2):
        run = []
        for done, found in enumerate(_drawn(task.config, text, episodes, task.seed, number)):
            run.append(found)
            task.advance(step + 1 + (number * _TWIN_EPISODES + done) // 2, steps)
        runs.append(run)
    differ = [n for n, (one, other) in enumerate(zip(*runs, strict=True)) if one != other]
    wrong = [n for n, found in enumerate(runs[0]) if found["wrong"]]
    for number in sorted({*differ, *wrong})[:4]:
        one, other = runs[0][number], runs[1][number]
        names = ", ".join(name for name in one if one[name] != other[name])
        what = (
            f"Two runs from different initial values differ in {names}"
            if names
            else f"A run without initial values is wrong: {one['wrong']}"
        )
        where = f" in episode {number} ({episodes[number].trouble})."
        outcome.failures.append(Failure(what + where, task.seed, {"kind": "twins"}))
    outcome.figures += [
        Figure("pairs of runs from drawn initial values", len(episodes)),
        Figure("pairs that differ", len(differ), "0", not differ),
        Figure("pairs that end wrong", len(wrong), "0", not wrong),
    ]


def _drawn(
    config: AcceleratorConfig, text: str, episodes: list[Episode], seed: int, run: int
) -> Iterator[dict[str, Any]]:
    """What can be seen of each episode, a round of them on one machine, in one of the two runs."""
    for first in range(0, len(episodes), _ROUND):
        stall, latency = _WORLDS[first // _ROUND % len(_WORLDS)]
        # Values drawn from neighbouring numbers resemble each other.
        unknown = int(np.random.default_rng([seed, first, run]).integers(1, 1 << 31))
        with CompiledAccelerator(
            config,
            text,
            memory_bytes=episodes[0].before.size,
            read_latency=latency,
            write_latency=latency,
            stall=stall,
            seed=seed,
            unknown=unknown,
        ) as machine:
            host = Host(machine)
            for episode in episodes[first : first + _ROUND]:
                yield _one(host, episode)


def _one(host: Host, episode: Episode) -> dict[str, Any]:
    machine = host.machine
    trace: list[tuple[bool, int, dict[str, int], bytes]] = []

    def look(ended: bool) -> None:
        cycles, memory = machine.cycles, machine.memory.tobytes()
        registers = {name: machine.read_register(offset) for name, offset in _READABLE.items()}
        trace.append((ended, cycles, registers, memory))

    look(False)
    machine.memory[:] = episode.before
    if episode.trouble not in ("none", "refused"):
        if episode.trouble.endswith("error"):
            channel = episode.trouble.removesuffix(" error")
            machine.inject_error(channel, machine.statistics()[f"{channel}_bursts"] + episode.at)
            look(host.run(episode.program, episode.count, _MOST_CYCLES))
            machine.release()
            host.reset()
        else:
            look(host.run(episode.program, episode.count, episode.at))
            if episode.trouble == "reset":
                machine.reset()
                look(False)
                host = Host(machine)
            else:
                host.reset()
        machine.memory[:] = episode.before
    look(host.run(episode.program, episode.count, _MOST_CYCLES))
    wrong = ""
    result = {name: host.read(name) for name in episode.result}
    if result != episode.result:
        wrong = f"registers must be {episode.result}, not {result}"
    elif not np.array_equal(machine.memory, episode.after):
        wrong = f"{np.count_nonzero(machine.memory != episode.after)} bytes of memory differ"
    elif machine.violations:
        wrong = f"the bus protocol was broken: {machine.violations}"
    if episode.trouble == "refused":
        host.reset()
    return {
        "memory": [entry[3] for entry in trace],
        "registers": [entry[2] for entry in trace],
        "cycles": [entry[:2] for entry in trace],
        "traffic": machine.statistics(),
        "wrong": wrong,
    }


def replay(task: Task, case: Mapping[str, Any], trace: Path | None) -> Outcome:
    """A round of episodes under the watch again, or all pairs, of which there is no waveform."""
    outcome, top = Outcome(), f"matwright_{task.config.name}"
    if case["kind"] == "twins":
        if trace is not None:
            clear(trace)
            outcome.notes.append("No waveform is written of pairs of runs.")
        _twins(task, top, outcome, 0, _TWIN_EPISODES + 1)
        return outcome
    watch = watched(task.config, top)
    text = stripped(task.verilog, top, WATCH) + watch.verilog
    seen = _play(task.config, text, watch, case, trace)
    _judge(outcome, seen, watch, case, task.seed)
    return outcome


CHECK = Check(
    name="unknowns",
    title="No unknown bit reaches a bus, a register or a result",
    run=run,
    needs=("icarus", "yosys", "verilator"),
    replay=replay,
    waves=(".fst",),
)
