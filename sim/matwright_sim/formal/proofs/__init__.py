# SPDX-License-Identifier: Apache-2.0
"""The proofs, a module for each part of the machine, which exports ``PROOFS``."""
