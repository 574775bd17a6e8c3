# SPDX-License-Identifier: Apache-2.0
"""Campaigns and proofs for one configuration: what ``matwright verify`` runs, a module for each check."""
