# SPDX-License-Identifier: Apache-2.0
"""Properties: what the parts of the machine promise, proven for all inputs and all time.

Each proof takes the sizes of the configuration where the solver manages them, and a small twin where
not; the report says which. With ``full`` every property is also seen to fail on a bug that is planted
to break it.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..formal.catalogue import all_proofs
from ..formal.property import Proof
from ..formal.prove import (
    LIMIT,
    Finding,
    Job,
    Question,
    TooLongError,
    prepare,
    prepare_planted,
    waveform,
)
from ..formal.prove import Outcome as Answer
from ..formal.prove import Result as Proven
from .check import Check, Failure, Figure, NotRun, Outcome, Sheet, Task

__all__ = ["CHECK"]

_T = TypeVar("_T")


def _run(task: Task) -> Outcome:
    proofs = [proof for proof in all_proofs() if proof.applies(task.config)]
    proofs = [proof for proof in proofs if task.full or proof.quick]
    if not proofs:
        raise NotRun("no property is about this configuration")
    total = (4 if task.full else 2) * len(proofs)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        task.advance(done, total)

    # Circuits are written here, one after the other; Yosys runs beside.
    jobs: list[Callable[[], Proven]] = []
    for proof in proofs:
        jobs.append(prepare(proof, task.config).run)
        step()
    results = _all(jobs, task.jobs, step)
    hunts: list[Callable[[], list[Finding]]] = []
    for proof in proofs if task.full else ():
        hunts.append(prepare_planted(proof).run)
        step()
    bugs = _all(hunts, task.jobs, step)

    outcome = _judge(results)
    if task.full:
        found = {
            f"{proof.name}.{item.name}": finding.outcome is Answer.REFUTED
            for proof, findings in zip(proofs, bugs, strict=True)
            for item, finding in zip(proof.properties, findings, strict=True)
        }
        missed = [name for name, seen in found.items() if not seen]
        outcome.figures.append(
            Figure("planted bugs found", sum(found.values()), f"all {len(found)}", not missed)
        )
        outcome.failures += [
            Failure(f"the bug planted to break property {name} is not found") for name in missed
        ]
    return outcome


def _all(calls: list[Callable[[], _T]], jobs: int, step: Callable[[], None]) -> list[_T]:
    """What ``calls`` give, some at a time."""
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = [pool.submit(call) for call in calls]
        try:
            for future in as_completed(futures):
                future.result()
                step()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _judge(results: Iterable[Proven]) -> Outcome:
    outcome = Outcome()
    rows: list[tuple[int | float | str, ...]] = []
    counts = dict.fromkeys(Answer, 0)
    goals = reached = 0
    for result in results:
        proof = result.proof
        goals += len(result.goals)
        reached += len(result.goals) - len(result.missed)
        for item in proof.properties:
            answer = _of_property(result, item.name)
            counts[answer] += 1
            rows.append(
                (
                    f"{proof.name}.{item.name}",
                    proof.block,
                    item.statement,
                    proof.scale,
                    _words(proof, result.finding) if answer is result.finding.outcome else answer,
                    result.seconds,
                )
            )
        outcome.failures += _failures(result)
    total = len(rows)
    proven, bounded = counts[Answer.PROVEN], counts[Answer.BOUNDED]
    outcome.figures = [
        Figure("properties proven for all time", proven),
        Figure("properties proven for some cycles", bounded),
        Figure(
            "properties neither proven nor refuted",
            counts[Answer.UNKNOWN],
            "none",
            not counts[Answer.UNKNOWN],
        ),
        Figure("properties refuted", counts[Answer.REFUTED], "none", not counts[Answer.REFUTED]),
        Figure("interesting cases reached", reached, f"all {goals}", reached == goals),
    ]
    assert sum(counts.values()) == total
    columns = ("property", "part", "says", "for", "outcome", "seconds of its proof")
    outcome.sheets.append(Sheet("Properties", columns, tuple(rows)))
    return outcome


def _of_property(result: Proven, name: str) -> Answer:
    """What became of one property: where its proof is refuted, the others are only not proven."""
    finding = result.finding
    if finding.outcome is Answer.REFUTED and name not in finding.broken:
        return Answer.UNKNOWN
    return finding.outcome


def _words(proof: Proof, finding: Finding) -> str:
    match finding.outcome:
        case Answer.PROVEN:
            plural = "s" if finding.steps > 1 else ""
            return f"proven, induction of {finding.steps} step{plural}"
        case Answer.BOUNDED:
            return f"proven for {proof.bound} cycles"
        case Answer.REFUTED:
            return f"refuted in cycle {finding.steps}"
    return f"unknown, {proof.steps} steps of induction do not suffice"


def _failures(result: Proven) -> list[Failure]:
    proof, finding = result.proof, result.finding
    case = {"proof": proof.name}
    failures = []
    if finding.outcome is Answer.REFUTED:
        broken = ", ".join(finding.broken)
        what = f"proof {proof.name} of {proof.block}: {broken} broken in cycle {finding.steps}"
        failures.append(Failure(what, case=case))
    elif finding.outcome is Answer.UNKNOWN:
        failures.append(Failure(f"proof {proof.name} of {proof.block} finds no end", case=case))
    if result.missed and finding.outcome is not Answer.UNKNOWN:
        missed = ", ".join(result.missed)
        what = f"proof {proof.name} of {proof.block} cannot reach {missed}: it shows too little"
        failures.append(Failure(what, case=case))
    return failures


def _replay(task: Task, case: Mapping[str, Any], wave: Path | None) -> Outcome:
    """Proves one again; the waveform is the run that breaks it, if there is one."""
    proof = next((proof for proof in all_proofs() if proof.name == case.get("proof")), None)
    if proof is None:
        raise NotRun(f"there is no proof called {case.get('proof')!r}")
    job = prepare(proof, task.config)
    result = job.run()
    outcome = _judge([result])
    if wave is not None and result.finding.outcome is Answer.REFUTED:
        try:
            waveform(_breaking(job, result.finding), wave)
        except TooLongError:
            outcome.notes.append(f"Yosys has not made the waveform within {LIMIT:.0f} s")
    return outcome


def _breaking(job: Job, finding: Finding) -> Job:
    """Of a proof whose claims are asked about one by one, the one that is broken."""
    broken = {f"claim_{name}" for name in finding.broken}
    asked = job.question
    for how, names in zip(asked.asked, asked.shown, strict=True):
        if broken & set(names):
            return replace(job, question=Question(asked.rtlil, (how,), (names,)))
    return job


CHECK = Check(
    name="properties",
    title="What the parts promise, proven for all inputs and all time",
    run=_run,
    needs=("yosys",),
    replay=_replay,
    waves=(".vcd",),
)
