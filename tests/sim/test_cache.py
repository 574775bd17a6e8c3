# SPDX-License-Identifier: Apache-2.0
"""An entry of the cache is whole or absent, and is built once however many ask."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from matwright_sim import cache


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_root(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache.cache_root() == home
    monkeypatch.delenv("MATWRIGHT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_root() == tmp_path / "matwright"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.cache_root() == tmp_path / "home" / ".cache" / "matwright"


def test_key_keeps_parts_apart() -> None:
    names = {cache.key("ab", "c"), cache.key("a", "bc"), cache.key("abc"), cache.key("abc", "")}
    assert len(names) == 4
    assert cache.key("ab", b"c") == cache.key("ab", "c")


def test_failed_build_leaves_nothing(home: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        cache.entry("kind", "name", build)
    assert [path.name for path in (home / "kind").iterdir()] == ["locks"]


def test_built_once() -> None:
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "file").write_text("x" * 1000)

    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: cache.entry("kind", "name", build), range(16)))
    assert len(built) == 1
    assert set(asked) == {asked[0]}
    assert (asked[0] / "file").stat().st_size == 1000
