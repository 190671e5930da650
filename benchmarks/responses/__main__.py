"""Every measurement of responses, one after the other: `make bench-responses DATA=DIR [PARTS=…] [OUT=DIR]`.

Only what is run, in which order and with which arguments belongs here; each part is a program of its own, and
its report says what it found. Together they take hours on two cores; `student` alone takes under ten minutes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.words import suggest

PARTS = ("selecting", "perturbation", "student", "logprobs", "watermark")
"""From the quickest to the slowest."""
_WITHOUT_DATA = ("logprobs",)
_KEEPING = ("student", "watermark")
"""They keep the answers that a model gave, and go on from there."""


def chosen(parts: str) -> list[str]:
    """The parts of a list with commas; of nothing, all. Raises ValueError for one that does not exist."""
    found = [part for part in parts.split(",") if part] or list(PARTS)
    for part in found:
        if part not in PARTS:
            raise ValueError(f"no part '{part}'{suggest(part, PARTS)}")
    return found


def command(part: str, data: Path, out: Path) -> list[str]:
    """How a part is run."""
    given = [] if part in _WITHOUT_DATA else [str(data)]
    kept = ["--out", str(out / part)] if part in _KEEPING else []
    return [sys.executable, "-m", f"benchmarks.responses.{part}", *given, *kept]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; the first that fails ends it, with its status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.responses", description=__doc__)
    parser.add_argument("data", type=Path, help="a directory with `prompts`")
    parser.add_argument("--parts", default="", help=f"of {', '.join(PARTS)}; all unless given")
    parser.add_argument("--out", type=Path, required=True, help="where answers are kept")
    options = parser.parse_args(arguments)
    try:
        parts = chosen(options.parts)
    except ValueError as error:
        parser.error(str(error))
    for part in parts:
        sys.stdout.write(f"\n# {part}\n\n")
        sys.stdout.flush()
        done = subprocess.run(command(part, options.data, options.out), check=False)  # noqa: S603  of ours
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
