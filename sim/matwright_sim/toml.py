# SPDX-License-Identifier: Apache-2.0
"""TOML files that users write."""

import tomllib
from pathlib import Path
from typing import Any

__all__ = ["read_toml"]


def read_toml(path: Path, refusal: type[Exception]) -> dict[str, Any]:
    """What the file says; raises ``refusal``, with a sentence that names the file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise refusal(f"{path}: the text must be TOML: {error}") from error
