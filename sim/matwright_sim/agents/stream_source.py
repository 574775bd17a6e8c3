# SPDX-License-Identifier: Apache-2.0
"""Driver of an Amaranth stream in cocotb."""

from collections import deque
from collections.abc import Callable
from typing import Any

import cocotb
from amaranth.lib import data
from cocotb.triggers import FallingEdge, RisingEdge

__all__ = ["StreamSource", "pack"]


def pack(layout: data.StructLayout, **fields: int) -> int:
    """The bits of a structure."""
    return sum(value << layout[name].offset for name, value in fields.items())


class StreamSource:
    """Offers the payloads put into ``queue``, each until it is taken.

    ``pause`` is asked before each offer; while it says yes, or ``rst`` is high, nothing is offered.
    ``taken`` counts the payloads that were taken.
    """

    def __init__(
        self, entity: Any, name: str, layout: data.StructLayout, pause: Callable[[], bool]
    ) -> None:
        self.queue: deque[dict[str, int]] = deque()
        self.pause = pause
        self.taken = 0
        self._layout = layout
        self._clk, self._rst = entity.clk, entity.rst
        self._payload = getattr(entity, f"{name}__payload")
        self._valid = getattr(entity, f"{name}__valid")
        self._ready = getattr(entity, f"{name}__ready")
        self._offered = False
        self._valid.value = 0
        self._payload.value = 0
        cocotb.start_soon(self._run())

    @property
    def idle(self) -> bool:
        """Nothing is on offer or queued."""
        return not self.queue and not self._offered

    async def _run(self) -> None:
        while True:
            await RisingEdge(self._clk)
            held = self._offered or int(self._rst.value) or not self.queue
            if not held and not self.pause():
                self._payload.value = pack(self._layout, **self.queue.popleft())
                self._offered = True
            self._valid.value = int(self._offered)
            await FallingEdge(self._clk)
            if self._offered and int(self._ready.value):
                self._offered = False
                self.taken += 1
