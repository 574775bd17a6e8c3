# SPDX-License-Identifier: Apache-2.0
"""The link page, bit by bit."""

from matwright.system.link import link_words
from matwright.system.page import LinkPage
from matwright_sim.agents.trace import simulate

PAGE = (1 << 17, 104, 12_000_000)


def test_words() -> None:
    assert link_words(*PAGE, 1) == (0x4B4C574D, 1, 131_072, 12_000_000, 1, 115_385)
    assert (0x4B4C574D).to_bytes(4, "little") == b"MWLK"


def test_every_bit() -> None:
    places = [(irq, word, i) for irq in (0, 1) for word in range(6) for i in range(32)]
    inputs = {
        "irq": [irq for irq, _, _ in places] + [0, 0],
        "word": [word for _, word, _ in places] + [0, 0],
        "index": [i for _, _, i in places] + [0, 0],
    }
    record = simulate(LinkPage(*PAGE), inputs, ["value"])
    assert LinkPage.LATENCY == 2
    expected = [str(link_words(*PAGE, irq)[word] >> i & 1) for irq, word, i in places]
    assert record["value"][2:] == expected
