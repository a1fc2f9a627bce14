"""`python -m ai_on_eks` is `ai-on-eks`."""

from __future__ import annotations

import sys

from ai_on_eks.cli.main import main

sys.exit(main())
