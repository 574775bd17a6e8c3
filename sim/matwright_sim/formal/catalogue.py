# SPDX-License-Identifier: Apache-2.0
"""All proofs: those of the modules in ``proofs``, each of which exports ``PROOFS``."""

import functools
import importlib
import pkgutil

from . import proofs
from .property import Proof

__all__ = ["all_proofs"]


@functools.cache
def all_proofs() -> tuple[Proof, ...]:
    """In the order of the modules' names."""
    found: list[Proof] = []
    for module in sorted(pkgutil.iter_modules(proofs.__path__), key=lambda item: item.name):
        found += importlib.import_module(f"{proofs.__name__}.{module.name}").PROOFS
    return tuple(found)
