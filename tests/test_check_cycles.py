# SPDX-License-Identifier: Apache-2.0
"""The script that holds the cycle model to the Verilog: its pairs, what it says, and its page."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import check_cycles
from matwright_sim.agents.configurations import random_config, random_shape
from matwright_sim.cycles import Run, exact

ROOT = Path(__file__).parents[1]
Capture = pytest.CaptureFixture[str]


def test_random_configurations_are_of_every_kind() -> None:
    """All are legal, or they could not be made; a number makes the same one each time."""
    found = [random_config(np.random.default_rng([1, i]), "one") for i in range(300)]
    assert found[7] == random_config(np.random.default_rng([1, 7]), "one")
    for name, least in {
        "rows": 9,
        "cols": 9,
        "load_rows": 3,
        "data_width": 5,
        "post_lanes": 5,
    }.items():
        values = Counter(check_cycles.FIELDS[name](config) for config in found)
        assert len(values) >= least, (name, values)
    assert any(config.rows & (config.rows - 1) for config in found)
    assert all(config.build.counters for config in found)


def test_random_sizes_are_of_every_kind() -> None:
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    kinds: Counter[str] = Counter()
    largest = 0
    for i in range(10):
        config = check_cycles.configuration(1, i)
        for _ in range(300):
            m, n, k = random_shape(config, rng, steps=4000, memory_bytes=1 << 17)
            largest = max(largest, m, n, k)
            kinds["ones"] += 1 in (m, n, k)
            kinds["none of one"] += min(m, n, k) > 1
            kinds["short M"] += m < config.rows + config.cols
            kinds["whole panels"] += k % config.rows == 0 and n % config.cols == 0
            kinds["one more in K"] += k > config.rows > 1 and k % config.rows == 1
            kinds["one less in N"] += n % config.cols == config.cols - 1
    assert largest > 150
    assert min(kinds.values()) > 50 and len(kinds) == 6, kinds


def test_a_pair_follows_from_its_key() -> None:
    config = check_cycles.configuration(1, 0)
    one, same, other = (check_cycles.pair(config, key, True) for key in ((1, 2), (1, 2), (1, 3)))
    assert one.program.descriptors == same.program.descriptors
    assert (one.read_latency, one.stall, one.seed) == (same.read_latency, same.stall, same.seed)
    assert np.array_equal(one.program.before, same.program.before)
    assert one.program.descriptors != other.program.descriptors
    assert one.stall > 0 == check_cycles.pair(config, (1, 2), False).stall


def slower(*arguments: object) -> Run:
    run: Run = exact(*arguments)  # type: ignore[arg-type]
    run.cycles += 1
    return run


def test_a_difference_is_told_and_can_be_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    arguments = ["--count", "2", "--configs", "1", "--jobs", "1", "--seed", "1"]
    assert check_cycles.main(arguments) == 0
    assert "2 pairs (" in (text := capsys.readouterr().out) and ": 0 differences" in text
    monkeypatch.setattr(check_cycles, "exact", slower)
    assert check_cycles.main(arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if "--replay 0,1" in line)
    command, _, differ = line.partition(": ")
    assert "CYCLES" in differ and "EXEC_IDLE" in differ
    assert check_cycles.main(command.split()[2:]) == 1
    assert differ in capsys.readouterr().out
    monkeypatch.undo()
    assert check_cycles.main(command.split()[2:]) == 0
    assert "nothing differs" in capsys.readouterr().out


def test_a_summary_takes_the_place_of_the_last_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "docs" / "results").mkdir(parents=True)
    page = tmp_path / check_cycles.PAGE
    page.write_text("before\n" + "".join(check_cycles.MARKS) + "after\n", encoding="utf-8")
    summary = check_cycles.Summary(3, 4, 5000, Counter({"a size of 1": 2}))
    for seed in (1, 2):
        for stall in (True, False):
            check_cycles.write(tmp_path, check_cycles.report(summary, seed, stall, 1.2))
    data = json.loads((tmp_path / check_cycles.DATA).read_text(encoding="utf-8"))
    assert [(run["stalls"], run["seed"]) for run in data["runs"]] == [("none", 2), ("replayed", 2)]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "| GEMMs, cycles | 4, 5,000 | 4, 5,000 |" in text


def test_the_page_shows_the_data() -> None:
    runs = json.loads((ROOT / check_cycles.DATA).read_text(encoding="utf-8"))["runs"]
    page = (ROOT / check_cycles.PAGE).read_text(encoding="utf-8")
    assert check_cycles.updated(page, check_cycles.markdown(runs)) == page
    assert {run["stalls"]: run["pairs"] for run in runs} == {"none": 10_000, "replayed": 1000}
    assert all(run["differences"] == 0 for run in runs)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--count", "0"], "must be an integer from 1 on, not '0'"),
        (["--seed", "-1"], "must be an integer from 0 on, not '-1'"),
        (["--replay", "3"], "the numbers of a configuration and of a pair, I,J, not '3'"),
    ],
)
def test_refusals(arguments: list[str], sentence: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        check_cycles.main(arguments)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err
