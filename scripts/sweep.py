# SPDX-License-Identifier: Apache-2.0
"""A sweep in ten lines of Python; leaves tables and a report in build/sweep.

python scripts/sweep.py
"""

from matwright_sim.sweep import Sweep, run

axes = {"rows,cols": [[8, 8], [8, 16], [16, 16], [32, 32]], "bus.data_width": [32, 64, 128]}
layer = {"name": "layer", "gemms": [[64, 256, 256], [1, 256, 256]]}
sweep = Sweep.from_dict({"base": {"preset": "edge"}, "axes": axes, "workload": [layer]})
results = run(sweep, "build/sweep")
for row in results.front("multipliers", "layer.cycles"):
    print(row["rows"], row["cols"], row["bus.data_width"], row["layer.cycles"])
