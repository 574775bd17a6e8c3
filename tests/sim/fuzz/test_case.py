# SPDX-License-Identifier: Apache-2.0
"""Cases as plain data, and what memory they mean."""

import json

import numpy as np

from matwright.bus.window import Window
from matwright_sim.fuzz.case import Case, Program, World, descriptor_bytes, descriptor_data


def test_any_descriptor_as_data() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        code = rng.bytes(64)
        data = json.loads(json.dumps(descriptor_data(code)))
        assert "reserved" in data and descriptor_bytes(data) == code


def test_a_case_as_data() -> None:
    window = Window(4096, 8191, read=True, write=False)
    program = Program(128, 2, (bytes(64), bytes([1]) * 64), 17, (window,), True)
    case = Case(World(1 << 15, 3, 4, 0.3, 9), (program, Program(0, 0, ())))
    assert Case.of(json.loads(json.dumps(case.data()))) == case


def test_memory() -> None:
    program = Program(64, 3, (bytes([7]) * 64, bytes([8]) * 64, bytes([9]) * 64))
    image = program.image(192)
    assert image.tolist() == [0] * 64 + [7] * 64 + [8] * 64  # the third is beyond
    assert Program(0, 0, (), memory=1).image(64).tolist() == [1] * 64
