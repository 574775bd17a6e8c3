# SPDX-License-Identifier: Apache-2.0
"""``python -m matwright`` is ``matwright``."""

import sys

from .cli import main

sys.exit(main())
