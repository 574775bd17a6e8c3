# SPDX-License-Identifier: Apache-2.0
"""Mutants: made as Yosys says, told by what is due, proven where nothing tells them."""

import dataclasses
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import matwright
from matwright.config import AcceleratorConfig, Limits, Precision
from matwright.presets import PRESETS
from matwright_fpga.errors import ToolError
from matwright_fpga.tools import find_tool
from matwright_sim.verify import mutants as check
from matwright_sim.verify.check import NotRun, Task
from matwright_sim.verify.mutation import campaign, netlist, proof, worker
from matwright_sim.verify.mutation.acts import KINDS, Broken
from matwright_sim.verify.mutation.author import memory_bytes
from matwright_sim.verify.mutation.campaign import Kill, Rehearsed, perform, rehearse
from matwright_sim.verify.mutation.machine import MutatedAccelerator
from matwright_sim.verify.mutation.netlist import BLOCKS, Mutant, Netlist
from matwright_sim.verify.mutation.plan import parts
from matwright_sim.verify.mutation.proof import equivalent, netlist_difference
from matwright_sim.verify.mutation.reasons import RULES, Rule, reason
from matwright_sim.verilog import cached_verilog

CONFIG = PRESETS["tiny"]
COUNT, SEED = 12, 1
BLOCK = "accumulator"


@pytest.fixture(scope="module", autouse=True)
def yosys() -> None:
    try:
        find_tool("yosys")
    except ToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def made() -> Netlist:
    print(f"seed {SEED}")
    return netlist.netlist(CONFIG, cached_verilog(CONFIG), COUNT, SEED)


@pytest.fixture(scope="module")
def rehearsed(made: Netlist) -> list[Rehearsed]:
    """The first parts, and those for the second lines of defence."""
    wanted = [part for part in parts(CONFIG, BLOCK, SEED) if part.name in ("first", "forgotten")]
    return list(rehearse(CONFIG, made.verilog(BLOCK), wanted))


def test_mutants_are_of_every_block_and_have_lines(made: Netlist) -> None:
    root = Path(matwright.__file__).parents[1]
    for block in BLOCKS:
        mutants = made.of(block)
        assert [mutant.number for mutant in mutants] == list(range(COUNT)) and made.sites[
            block
        ] > 1000
        for mutant in mutants:
            assert re.match(r"const[01]|inv|cnot[01] by \d+", mutant.what)
            assert not mutant.port.startswith(("CLK", "clk"))
            for source in mutant.source.split():
                path, line = source.split(":")
                assert int(line) <= len((root / path).read_text("utf-8").splitlines())
        text = made.verilog(block)
        assert set(re.findall(r"mutated\.mutant\[(\d+)\]", text)) <= {str(i) for i in range(COUNT)}
        assert "mutant_select" not in text
    # An array has a line of its own for nearly each of so few.
    assert len({mutant.source for mutant in made.of("scheduler")}) == COUNT


def odd_configurations() -> Iterator[AcceleratorConfig]:
    """At the limits of what a configuration may be."""
    yield from (PRESETS["server"], PRESETS["decode"])
    tiny, bus, sram = CONFIG, CONFIG.bus, CONFIG.sram
    for limits in (Limits(max_m=3, max_n=3, max_k=5), Limits(max_m=1, max_n=1, max_k=1)):
        yield dataclasses.replace(tiny, limits=limits)
    for width in (16, 48):
        yield dataclasses.replace(tiny, bus=dataclasses.replace(bus, addr_width=width))
    words = Precision(a_width=16, b_width=16, acc_width=32)
    yield dataclasses.replace(tiny, precision=words, limits=Limits(max_m=9, max_n=9, max_k=1))
    least = dataclasses.replace(sram, activation_rows=16, accumulator_rows=4, weight_tiles=4)
    yield dataclasses.replace(tiny, sram=least)


@pytest.mark.parametrize(
    "config", list(odd_configurations()), ids=lambda config: f"{config.name}-{config.digest[:6]}"
)
def test_there_is_work_for_every_configuration(config: AcceleratorConfig) -> None:
    for block in ("scheduler", "scratchpad"):  # which get all between them
        names = [part.name for part in parts(config, block, SEED)]
        assert {"first", "pauses", "faults"} <= set(names) and len(names) == len(set(names))


def test_a_part_is_the_same_whatever_comes_before() -> None:
    first, again = (parts(CONFIG, block, SEED) for block in ("post", "scheduler"))
    acts = {part.name: [act.name for act in part.acts] for part in again}
    assert all(acts[part.name] == [act.name for act in part.acts] for part in first)


def test_lines_have_their_share() -> None:
    lines = [f"mutate -port A -src matwright/a.py:{i % 3}" for i in range(30)]
    lines.append("mutate -port A -src matwright/b.py:1")
    for seed in range(5):
        picked = netlist._choose(lines, 8, random.Random(seed))
        assert picked == netlist._choose(lines, 8, random.Random(seed))
        shares = sorted(picked.count(line) for line in set(picked))
        assert shares[0] == 1 and shares[-1] in (2, 3) and len(picked) == 8
    assert len(netlist._choose(lines, 99, random.Random(1))) == len(lines)


def test_the_sound_machine_does_what_is_due(made: Netlist, rehearsed: list[Rehearsed]) -> None:
    assert perform(CONFIG, made.verilog(BLOCK), None, rehearsed) is None
    kinds = {seen.kind for one in rehearsed for due in one.due for seen in due}
    assert kinds == set(KINDS)
    known = [
        s for one in rehearsed for due in one.due for s in due if s.kind in ("result", "cycles")
    ]
    assert sum(seen.due is None for seen in known) < len(known) / 2


def test_no_mutant_is_both_killed_and_proven(
    made: Netlist, rehearsed: list[Rehearsed], tmp_path: Path
) -> None:
    mutants = made.of(BLOCK)
    kills = [perform(CONFIG, made.verilog(BLOCK), mutant.number, rehearsed) for mutant in mutants]
    print(kills)
    assert sum(kill is not None for kill in kills) >= COUNT // 2
    assert any(kill is not None and kill.kind == "result" for kill in kills)
    begun: list[int] = []
    proven = equivalent(made, mutants, tmp_path, begun.append)
    print(proven)
    assert len(proven) == COUNT and begun[-1] == COUNT
    assert not any(is_proven and kill for is_proven, kill in zip(proven, kills, strict=True))
    difference = netlist_difference(made, mutants[0], tmp_path)
    assert re.search(r"^\+ ", difference, re.MULTILINE), difference


def test_what_changes_nothing_is_proven(made: Netlist, tmp_path: Path) -> None:
    """A bit that a constant sets is set to that constant, or to the other."""
    text = (made.folder / f"{netlist.TOP}.il").read_text("utf-8")
    cell = re.search(r"cell \$add (\S+)\n(?:    .*\n)*?    connect \\B (\d+)'(\d*[01])\n", text)
    assert cell is not None
    bit = cell[3][-1]
    found = []
    for number, value in enumerate((bit, "10"[int(bit)])):
        name = cell[1].lstrip(chr(92))
        command = f"mutate -module x -mode const{value} -cell {name} -port B -portbit 0"
        found.append(Mutant("x", number, command, name, "B[0]", f"const{value}", "", ""))
    assert equivalent(made, found, tmp_path, lambda begun: None) == [True, False]


def test_bits_that_nothing_reads_are_dead(made: Netlist, tmp_path: Path) -> None:
    """The end of a job, which a machine that has one descriptor under way does not look at."""
    proof._copy(made, tmp_path)
    dead = proof.dead_bits(tmp_path)
    text = (tmp_path / f"{netlist.TOP}.il").read_text("utf-8")
    (ends,) = re.findall(
        r"cell \$dff \\(\S+)\n(?:    .*\n)*?    connect \\Q \\engine\.loader\.ends\n", text
    )
    (running,) = re.findall(
        r"cell \$dff \\(\S+)\n(?:    .*\n)*?    connect \\Q \\engine\.dispatcher\.running\n", text
    )
    assert (ends, 0) in dead and (running, 0) not in dead
    mutants = [
        Mutant(
            "x",
            i,
            f"mutate -module x -mode inv -cell {cell} -port D -portbit 0",
            cell,
            "D[0]",
            "inv",
            "",
            "",
        )
        for i, cell in enumerate((ends, running))
    ]
    assert equivalent(made, mutants, tmp_path, lambda begun: None) == [True, False]


def test_a_wrong_machine_is_told_before_its_mutants(
    made: Netlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    verilog = made.verilog(BLOCK)
    first = parts(CONFIG, BLOCK, SEED)[:1]
    (one,) = rehearse(CONFIG, verilog, first)
    numbers = (m.number for m in made.of(BLOCK) if perform(CONFIG, verilog, m.number, [one]))
    wrong = next(numbers)

    def machine(*arguments: object) -> MutatedAccelerator:
        mutated = MutatedAccelerator(
            CONFIG, verilog, memory_bytes=memory_bytes(CONFIG), **first[0].timing
        )
        mutated.switch(wrong)
        return mutated

    monkeypatch.setattr(campaign, "_machine", machine)
    with pytest.raises(Broken, match=r"must be .*, not "):
        list(rehearse(CONFIG, verilog, first))


def test_a_mutant_that_ends_the_simulator_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker goes on with the next one."""
    script, first = tmp_path / "worker", f"#!{sys.executable}\n"
    script.write_text(
        first + "import json, os, sys\n"
        "numbers = json.load(sys.stdin)['numbers']\n"
        "print('[null, null]', flush=True)\n"
        "for number in numbers:\n"
        "    if number == 2: os.abort()\n"
        "    print(json.dumps([number, ['p', 'a', 'result', 'w'] if number else None]), flush=True)\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(worker.sys, "executable", str(script))
    found = dict(worker.killed(CONFIG, tmp_path / "x.v", "array", [0, 1, 2, 3], SEED))
    assert found == {
        0: None,
        1: Kill("p", "a", "result", "w"),
        2: worker.UNSETTLED,
        3: Kill("p", "a", "result", "w"),
    }
    script.write_text(
        f"{first}import os\nprint('[null, null]', flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    with pytest.raises(RuntimeError, match="a worker ended with -9"):
        list(worker.killed(CONFIG, tmp_path / "x.v", "array", [0], SEED))
    script.write_text(f"{first}import sys\nsys.exit('no such configuration')\n")
    with pytest.raises(RuntimeError, match="no such configuration"):
        list(worker.killed(CONFIG, tmp_path / "x.v", "array", [0], SEED))


def _blocks(listed: int) -> Iterator[check.Block]:
    for block in BLOCKS:
        mutants = tuple(
            Mutant(block, i, "", f"cell{i}", "A[0]", "inv", "", "matwright/x.py:1")
            for i in range(100)
        )
        kills = {i: Kill("first", "one", "result", "memory") for i in range(90 - listed)}
        yield check.Block(
            block, 5000, mutants, kills, frozenset(range(90, 98)), {98: "unread", 99: "unread"}
        )


@pytest.mark.parametrize(("listed", "passes"), [(0, True), (4, True), (5, False)])
def test_what_is_told_of_a_campaign(listed: int, passes: bool, tmp_path: Path) -> None:
    outcome = check._outcome(Task(CONFIG, tmp_path), list(_blocks(listed)))
    assert outcome.passed == passes
    figures = {figure.name: figure.value for figure in outcome.figures}
    assert figures["mutants"] == 600 and figures["listed"] == 6 * listed
    assert figures["proven equivalent"] == 48 and figures["explained"] == 12
    table, _, why, rest = outcome.sheets
    assert [row[1:] for row in why.rows] == [("unread", 2)] * len(BLOCKS)
    assert len(table.rows) == len(BLOCKS) and len(rest.rows) == 6 * listed
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert table.rows[0][-1] == round(100 * (90 - listed) / 90, 2)

    assert len(outcome.failures) == (0 if passes else 3 * len(BLOCKS))
    for failure in outcome.failures:
        assert failure.case is not None and failure.case["count"] == 100


def generator_lines(rule: Rule) -> list[str]:
    """The lines of the generator that a rule names, as mutants do."""
    root = Path(matwright.__file__).parents[1]
    return [
        f"{path.relative_to(root).as_posix()}:{number}"
        for path in sorted(Path(matwright.__file__).parent.rglob("*.py"))
        if re.search(rule.file, path.as_posix())
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if re.search(rule.text, line)
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.file} {rule.text}")
def test_rules_name_lines_that_are_there(rule: Rule) -> None:
    (source, *_) = generator_lines(rule)
    mutant = Mutant("dma", 0, "", "cell", "A[0]", "inv", "", source)
    applies = [config for config in PRESETS.values() if rule.applies(config)]
    assert applies and all(reason(config, mutant) == rule.reason for config in applies)


def test_what_a_host_can_see_is_not_explained() -> None:
    """Memories that a host can make forget; the dispatcher of several descriptors under way."""
    build = CONFIG.build
    protected = dataclasses.replace(build, sram_protection="secded", post_multiplier="parallel")
    several = dataclasses.replace(build, descriptors=4)
    for rule in RULES:
        for other in (protected, several):
            config = dataclasses.replace(CONFIG, build=other)
            if rule.applies(CONFIG) and not rule.applies(config):
                mutant = Mutant("dma", 0, "", "c", "A[0]", "inv", "", generator_lines(rule)[0])
                assert reason(CONFIG, mutant) and not reason(config, mutant)
    plain = Mutant("dma", 0, "", "c", "A[0]", "inv", "", "matwright/bus/burst.py:1")
    assert reason(CONFIG, plain) == ""
    reset = Mutant("array", 0, "", "c", "B[0]", "inv", "", "")
    assert reason(CONFIG, reset) and not reason(CONFIG, dataclasses.replace(reset, block="dma"))


def test_a_machine_without_checks_is_not_run(tmp_path: Path) -> None:
    build = dataclasses.replace(CONFIG.build, unsafe_unchecked=True)
    config = dataclasses.replace(CONFIG, build=build)
    with pytest.raises(NotRun, match="is built without checks"):
        check.CHECK.run(Task(config, tmp_path))
