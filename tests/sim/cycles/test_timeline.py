# SPDX-License-Identifier: Apache-2.0
"""Timelines: spans are what the Verilog counts, and files that other programs can show."""

import json
from collections import Counter
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from matwright.config import AcceleratorConfig
from matwright.presets import PRESETS
from matwright_sim.agents.host import Host
from matwright_sim.agents.programs import build_program
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.cycles import Memory, Run, exact
from matwright_sim.cycles.gemm import gemm_program
from matwright_sim.cycles.timeline import lanes, tiles, to_chrome, to_svg
from matwright_sim.verilog import cached_verilog


def followed(config: AcceleratorConfig, *shape: int) -> Run:
    program = gemm_program(config, *shape)
    return exact(config, [program.descriptor], Memory(), program.address)


def test_a_lane_does_one_thing_at_a_time() -> None:
    run = followed(PRESETS["small"], 40, 50, 60)
    for lane, spans in lanes(run).items():
        for one, other in pairwise(spans):
            assert one.first <= one.last < other.first <= other.last, (lane, one, other)


@pytest.mark.parametrize("name", ["small", "edge"])
def test_spans_are_what_the_verilog_counts(name: str) -> None:
    config = PRESETS[name]
    rng = np.random.default_rng(3)
    for shape in ((40, 50, 60), (7, 100, 33), (100, 9, 129)):
        program = build_program(config, rng, [shape], memory_bytes=1 << 18)
        with CompiledAccelerator(
            config, cached_verilog(config), memory_bytes=1 << 18, read_latency=7
        ) as machine:
            host = Host(machine)
            machine.memory[:] = program.before
            assert host.run(program.address, program.count)
            counters = host.counters()
        memory = Memory(read_latency=7, write_latency=40)
        run = exact(config, program.descriptors, memory, program.address)
        each = list(tiles(run))
        assert len(each) == sum(
            -(-shape[2] // config.rows) * -(-shape[1] // config.cols)
            for _ in range(0, shape[0], program.descriptors[0].tile_rows)
        )
        assert sum(span.cycles for span in each) == counters["EXEC_BUSY"]
        assert all(one.last < other.first for one, other in pairwise(each))
        assert {span.last for span in lanes(run)["execute"]} <= {span.last for span in each}
        waits = Counter[str]()
        for span in lanes(run)["array waits"]:
            waits[span.name] += span.cycles
        assert waits["waits for A"] == counters["EXEC_WAIT_ACTIVATION"]
        assert waits["waits for B"] == counters["EXEC_WAIT_WEIGHT"]
        assert waits["shifts weights in"] == counters["EXEC_LOAD_WEIGHT"]
        assert waits["waits for store"] == counters["EXEC_WAIT_ACCUMULATOR"]


def test_chrome_trace() -> None:
    """Events of a lane follow one another, or are inside of one another: others cannot be shown."""
    run = followed(PRESETS["small"], 40, 50, 60)
    events = json.loads(to_chrome(run, "a run"))["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    count = sum(len(lane) for lane in lanes(run).values()) + len(list(tiles(run)))
    assert len(spans) == count
    assert all(e["ts"] >= 1 and e["ts"] + e["dur"] <= run.cycles + 1 for e in spans)
    assert {e["args"]["name"] for e in events if e["name"] == "thread_name"} == set(lanes(run))
    for tid in {event["tid"] for event in spans}:
        open_until: list[int] = []
        of_lane = [(e["ts"], -e["dur"]) for e in spans if e["tid"] == tid]
        for first, less in sorted(of_lane):
            while open_until and open_until[-1] <= first:
                open_until.pop()
            assert not open_until or first - less <= open_until[-1]
            open_until.append(first - less)


def test_figure() -> None:
    """It is XML, nothing lies outside of it, and it stays small where there are many spans."""
    run = followed(PRESETS["edge"], 512, 512, 512)
    text = to_svg(run, "512 < 513")
    figure = ElementTree.fromstring(text)
    width = float(figure.attrib["width"])
    rectangles = list(figure.iter("{http://www.w3.org/2000/svg}rect"))
    for rectangle in rectangles:
        assert float(rectangle.attrib.get("x", 0)) + float(rectangle.attrib["width"]) <= width
    assert 20 < len(rectangles) < 5000
    assert "512 &lt; 513" in text
