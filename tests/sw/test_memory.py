# SPDX-License-Identifier: Apache-2.0
"""Device memory: no two buffers overlap, nothing is lost."""

import numpy as np
import pytest

from matwright_sw.errors import OutOfMemory
from matwright_sw.memory import Allocator, Buffer

SEED = 21


def test_random_life() -> None:
    """Against a byte map of who owns what."""
    rng = np.random.default_rng(SEED)
    memory = Allocator(100, 64 * 256 + 7, 64)
    whole = memory.free_bytes
    assert whole == 64 * 256 - 128
    owner = np.zeros(64 * 256 + 64, np.int64)
    alive: list[tuple[int, Buffer]] = []
    refused = 0
    for tag in range(1, 3000):
        if alive and rng.random() < 0.5:
            old, buffer = alive.pop(int(rng.integers(len(alive))))
            place = slice(buffer.address, buffer.address + buffer.size)
            assert (owner[place] == old).all(), f"overlap, seed {SEED}"
            owner[place] = 0
            buffer.free()
            buffer.free()
        size = int(rng.integers(0, 3000))
        try:
            buffer = memory.allocate(size)
        except OutOfMemory:
            refused += 1
            assert memory.largest_free < max(size, 1)
            continue
        assert buffer.size >= size and buffer.address % 64 == 0 and buffer.address >= 128
        place = slice(buffer.address, buffer.address + buffer.size)
        assert (owner[place] == 0).all(), f"overlap, seed {SEED}"
        owner[place] = tag
        alive.append((tag, buffer))
        assert memory.free_bytes == whole - sum(b.size for _, b in alive)
    assert refused
    for _, buffer in alive:
        buffer.free()
    assert memory.free_bytes == memory.largest_free == whole


def test_with_frees() -> None:
    memory = Allocator(0, 1024, 64)
    with memory.allocate(100) as buffer:
        assert memory.free_bytes == 1024 - 128
        assert repr(buffer) == "Buffer(0x0, 128 bytes)"
    assert buffer.freed
    assert memory.free_bytes == 1024
    assert repr(buffer) == "Buffer(0x0, 128 bytes, freed)"


def test_no_memory_at_all() -> None:
    memory = Allocator(100, 128, 64)
    assert memory.free_bytes == memory.largest_free == 0


def test_out_of_memory_says_what_is_left() -> None:
    memory = Allocator(0, 1024, 64)
    memory.allocate(256)
    middle = memory.allocate(256)
    memory.allocate(128)
    middle.free()
    message = (
        r"device memory must have 512 bytes free in one piece for weights, not 384 \(640 in all\)"
    )
    with pytest.raises(OutOfMemory, match=message) as caught:
        memory.allocate(450, "weights")
    assert isinstance(caught.value, MemoryError)
