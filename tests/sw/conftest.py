# SPDX-License-Identifier: Apache-2.0
"""Make the test transport importable: tests are not a package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
