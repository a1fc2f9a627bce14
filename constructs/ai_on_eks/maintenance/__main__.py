"""What keeps generated files of this package up to date: `python -m ai_on_eks.maintenance COMMAND`.

    refresh         what EC2 offers and what it costs, from AWS          (needs `pip install ai-on-eks[maintenance]`)
    reference-docs  the manual's pages on the files that users write     (needs nothing)

Users need neither. `COMMAND --help` tells the rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

COMMANDS = ("refresh", "reference-docs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Each is imported only when it is named: the pages need no boto3."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m ai_on_eks.maintenance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args(given[:1]).command
    if command == "refresh":
        from ai_on_eks.maintenance.refresh import main as run  # noqa: PLC0415 - imports boto3
    else:
        from ai_on_eks.maintenance.reference_docs import main as run  # noqa: PLC0415
    return run(given[1:])


if __name__ == "__main__":
    sys.exit(main())
