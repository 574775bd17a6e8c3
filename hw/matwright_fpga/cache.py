# SPDX-License-Identifier: Apache-2.0
"""A store of results on disk, named by what they were made from.

An entry is a folder. It is made beside its final place and renamed into it, so it is whole or it is
not there; a lock per entry lets one process work while the others wait.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["cache_root", "entry", "has", "key"]


def cache_root() -> Path:
    """``MATWRIGHT_CACHE`` if set, else ``matwright`` in the user's cache folder (XDG)."""
    chosen = os.environ.get("MATWRIGHT_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).absolute() / "matwright"


def key(*parts: str | bytes) -> str:
    """Name of an entry: SHA-256 over ``parts`` and their boundaries, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def has(kind: str, name: str) -> bool:
    """Whether entry ``name`` of ``kind`` is there."""
    return (cache_root() / kind / name).is_dir()


def entry(kind: str, name: str, make: Callable[[Path], None]) -> Path:
    """Folder of entry ``name`` of ``kind``; made by ``make(folder)`` if it is not there yet.

    What ``make`` raises passes through and leaves no entry behind.
    """
    home = cache_root() / kind
    place = home / name
    if place.is_dir():
        return place
    with _locked(home / "locks" / name):
        if place.is_dir():
            return place
        scratch = Path(tempfile.mkdtemp(prefix="making-", dir=home))
        try:
            make(scratch)
            scratch.rename(place)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    return place
