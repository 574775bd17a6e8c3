# SPDX-License-Identifier: Apache-2.0
"""The page of errors: complete, and what it names is there."""

import ast
from pathlib import Path

import pytest

import matwright_sw.errors
from matwright.artefacts.errors import ERRORS, errors_markdown
from matwright.schedule.descriptor import Error
from matwright_sw.errors import hardware_error

ROOT = Path(__file__).parents[2]


def test_every_code_has_a_row() -> None:
    assert list(ERRORS) == [error for error in Error if error is not Error.NONE]
    text = errors_markdown()
    for error in ERRORS:
        assert text.count(f"| `{error.name}` |") == 2


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.name)
def test_the_test_is_there(error: Error) -> None:
    file, _, name = ERRORS[error].test.partition("::")
    functions = {
        node.name
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert name in functions


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.name)
def test_the_exception_is_the_drivers(error: Error) -> None:
    kind = type(hardware_error(error, 0, 0))
    assert f"| `{error.name}` | `{kind.__name__}` |" in errors_markdown()
    assert kind.__name__ in matwright_sw.errors.__all__
