# SPDX-License-Identifier: Apache-2.0
"""The skid buffer in Amaranth's simulator."""

from typing import Any

import pytest

from matwright.post.skid import SkidBuffer


@pytest.mark.parametrize(("offer", "take"), [(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (0.6, 0.6)])
def test_order_is_kept(exchange: Any, offer: float, take: float) -> None:
    items = [(n * 37) % 256 for n in range(200)]
    trace = exchange(SkidBuffer(8), items, len(items), offer=offer, take=take, seed=5)
    assert trace.received == items


def test_full_rate_and_latency(exchange: Any) -> None:
    items = list(range(50))
    trace = exchange(SkidBuffer(8), items, len(items))
    assert trace.stalled == 0
    assert [b - a for a, b in zip(trace.entered, trace.offered, strict=True)] == [
        SkidBuffer.LATENCY
    ] * 50
