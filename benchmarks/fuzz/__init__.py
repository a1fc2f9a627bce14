"""Coverage-guided fuzzing of everything that reads untrusted bytes, and the worst files that the limits allow.

The package itself makes the library and the byte builders of the tests importable, from this checkout before any other.
"""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

sys.path[:0] = [str(_ROOT / "constructs"), str(_ROOT / "tests" / "readers")]
