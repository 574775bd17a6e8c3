# SPDX-License-Identifier: Apache-2.0
"""The generator's modules as they are, or with a bug put in on purpose."""

import importlib
import importlib.util
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

__all__ = ["Plant", "PlantError", "Source"]

_PACKAGE = "matwright"
_SHARED = ("matwright.config",)
"""Modules that a planted world has in common with ours: classes whose instances cross over."""

_lock = threading.Lock()


class PlantError(ValueError):
    """A bug cannot be planted; the message names the module and its text."""


@dataclass(frozen=True)
class Plant:
    """A bug: in the text of ``module``, the only occurrence of ``old`` becomes ``new``."""

    module: str
    old: str
    new: str

    def planted(self, text: str) -> str:
        """``text`` with the bug; raises :class:`PlantError`."""
        found = text.count(self.old)
        if found != 1:
            raise PlantError(f"{self.old!r} must occur once in {self.module}, not {found} times")
        if self.old == self.new:
            raise PlantError(f"a bug in {self.module} must change {self.old!r}")
        return text.replace(self.old, self.new)


class _Finder(MetaPathFinder):
    """Finds the planted module, and leaves all others to those who find them anyway."""

    def __init__(self, plant: Plant, origin: str) -> None:
        self.plant, self.origin = plant, origin

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self.plant.module:
            return None
        loader = _Loader(name, self.origin)
        loader.plant = self.plant
        return importlib.util.spec_from_loader(name, loader, origin=self.origin)


class _Loader(SourceFileLoader):
    plant: Plant

    def get_code(self, fullname: str):  # type: ignore[no-untyped-def]
        text = self.plant.planted(Path(self.path).read_text("utf-8"))
        return compile(text, self.path, "exec", dont_inherit=True)


class Source:
    """Gives modules of the generator by name: ``source("matwright.bus.queue").Tally``.

    With a ``plant`` they come from a world of their own, imported anew with the bug in it.
    """

    def __init__(self, plant: Plant | None = None) -> None:
        self.plant = plant
        self._world: dict[str, ModuleType] = {}
        if plant is not None and (plant.module in _SHARED or plant.module == _PACKAGE):
            raise PlantError(f"a bug must be in a part of the generator, not in {plant.module}")

    def __call__(self, module: str) -> ModuleType:
        """The module; raises :class:`PlantError` and ``ImportError``."""
        if self.plant is None:
            return importlib.import_module(module)
        with _lock:
            return self._planted(self.plant, module)

    def _planted(self, plant: Plant, module: str) -> ModuleType:
        found = importlib.util.find_spec(plant.module)
        if found is None or found.origin is None:
            raise PlantError(f"there is no module {plant.module} to put a bug into")
        for name in _SHARED:
            self._world[name] = importlib.import_module(name)
        ours = {name: sys.modules[name] for name in list(sys.modules) if _is_ours(name)}
        finder = _Finder(plant, found.origin)
        for name in ours:
            del sys.modules[name]
        sys.modules.update(self._world)
        sys.meta_path.insert(0, finder)
        try:
            return importlib.import_module(module)
        finally:
            sys.meta_path.remove(finder)
            self._world = {name: sys.modules[name] for name in list(sys.modules) if _is_ours(name)}
            for name in self._world:
                del sys.modules[name]
            sys.modules.update(ours)


def _is_ours(name: str) -> bool:
    return name == _PACKAGE or name.startswith(f"{_PACKAGE}.")
