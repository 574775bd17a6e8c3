# SPDX-License-Identifier: Apache-2.0
"""Every property is proven, its interesting cases are reached, and a bug that breaks it is found.

Slow ones are left to ``matwright verify --full``.
"""

import pytest

from matwright.presets import preset
from matwright_sim.formal.catalogue import all_proofs
from matwright_sim.formal.prove import Outcome, prepare_planted, prove

_PROOFS = all_proofs()
_QUICK = [proof for proof in _PROOFS if proof.quick]


def test_names_are_unique():
    names = [proof.name for proof in _PROOFS]
    assert len(set(names)) == len(names)
    for proof in _PROOFS:
        items = [item.name for item in proof.properties]
        assert items, f"{proof.name} has no property"
        assert len(set(items)) == len(items)


@pytest.mark.parametrize("proof", _PROOFS, ids=lambda proof: proof.name)
def test_sentences_end_as_such(proof):
    for item in proof.properties:
        assert item.statement.endswith(".")
        assert item.statement[0].isupper()


def test_there_are_enough_for_all_time():
    assert sum(len(proof.properties) for proof in _PROOFS if proof.bound is None) >= 30


@pytest.mark.parametrize("proof", _QUICK, ids=lambda proof: proof.name)
def test_proven_and_reached(proof):
    config = preset("small")
    if not proof.applies(config):
        config = proof.planted_in
    assert proof.applies(config)
    result = prove(proof, config)
    wanted = Outcome.PROVEN if proof.bound is None else Outcome.BOUNDED
    assert result.finding.outcome is wanted, result.finding.broken
    assert not result.missed


_OTHERWISE = ("burst_queue", "descriptor_check", "read_engine", "tally", "write_engine")
"""Proofs that are others for a narrow bus with fewer bursts in flight, or without registers."""


@pytest.mark.parametrize("name", _OTHERWISE)
def test_proven_for_the_smallest_preset(name):
    (proof,) = (proof for proof in _PROOFS if proof.name == name)
    assert prove(proof, preset("tiny")).holds


@pytest.mark.parametrize("proof", _QUICK, ids=lambda proof: proof.name)
def test_planted_bugs_are_found(proof):
    findings = prepare_planted(proof).run()
    for item, finding in zip(proof.properties, findings, strict=True):
        assert finding.outcome is Outcome.REFUTED, item.name
        assert finding.trace
