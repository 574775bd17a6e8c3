# SPDX-License-Identifier: Apache-2.0
"""Random programs, broken ones and broken buses, against the golden machine: what campaigns are made of."""
