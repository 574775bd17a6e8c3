# SPDX-License-Identifier: Apache-2.0
"""The page of counters: one row for each, and the identities name all causes."""

from matwright.artefacts.counters import ADVICE, counters_markdown
from matwright.bus.register_map import COUNTERS


def test_every_counter_has_a_row() -> None:
    assert list(ADVICE) == list(COUNTERS)
    text = counters_markdown()
    for name, doc in COUNTERS.items():
        assert f"| `{name}` | {doc} | {ADVICE[name].tells} | {ADVICE[name].remedy} |" in text


def test_identities_name_every_cause() -> None:
    identities = counters_markdown().split("| Counter")[0]
    for name in COUNTERS:
        if name.startswith(("LOAD_", "EXEC_", "STORE_")):
            assert name in identities
