# SPDX-License-Identifier: Apache-2.0
"""An entry of the cache is whole or absent, and is made once however many ask."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import matwright_sim.cache
from matwright_fpga import cache as store


def test_root_is_that_of_the_simulators(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert store.cache_root() == cache
    for name, value in (("MATWRIGHT_CACHE", ""), ("XDG_CACHE_HOME", str(tmp_path)), ("HOME", "/h")):
        monkeypatch.setenv(name, value)
        assert store.cache_root() == matwright_sim.cache.cache_root()


def test_key_keeps_parts_apart() -> None:
    assert (
        len({store.key("ab", "c"), store.key("a", "bc"), store.key("abc"), store.key("abc", "")})
        == 4
    )
    assert store.key("ab", b"c") == store.key("ab", "c")


def test_what_fails_leaves_nothing(cache: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        store.entry("kind", "name", make)
    assert [path.name for path in (cache / "kind").iterdir()] == ["locks"]
    assert not store.has("kind", "name")


def test_made_once() -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("x" * 1000)

    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: store.entry("kind", "name", make), range(16)))
    assert len(made) == 1
    assert set(asked) == {asked[0]}
    assert store.has("kind", "name")
    assert (asked[0] / "file").stat().st_size == 1000
