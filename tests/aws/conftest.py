"""Construct tests. CDK's template validation is off here: one test of tests/stacks runs with it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("CDK_VALIDATION", "false")  # read by the Node process, so before it starts
sys.path.insert(0, str(Path(__file__).parent.parent / "stacks"))
