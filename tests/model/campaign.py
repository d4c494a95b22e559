"""The model at sizes that take minutes, and every counter-example as a story: `make campaign-model`.

Run as `python -m tests.model.campaign [report]`; each line is printed as it is found. Exit code 1 if a promise breaks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.model.acting import Size
from tests.model.checker import Result, check
from tests.model.handover import HandOver
from tests.model.mutations import MUTATIONS

SIZES: Final = (
    Size(),
    Size(replicas=3),
    Size(changes=3),
    Size(changes=4),
    Size(changes=6, foreign=False),
    Size(changes=1, reduced=False),
    Size(replicas=3, changes=1, watermarks=False, foreign=False, reduced=False),
)
"""States grow some five times with each change; unreduced, some twenty times with each replica."""


def main(arguments: list[str]) -> int:
    """Check all sizes, then all mutations; return the exit code."""
    report = Path(arguments[0]) if arguments else None
    lines, fine = [], True
    for text, good in _findings():
        print(text, flush=True)  # noqa: T201 - it is what was asked for
        lines.append(text)
        fine = fine and good
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if fine else 1


def _findings() -> Iterator[tuple[str, bool]]:
    for size in SIZES:
        result = check(HandOver(size))
        yield f"{_words(size)}: {_verdict(result)}", not result.broken
    for mutation in MUTATIONS:
        result = mutation.check()
        as_said = result.broken.partition(":")[0] == mutation.breaks
        yield f"\nBroken on purpose: {mutation.what}\n{result}", as_said


def _verdict(result: Result) -> str:
    return str(result) if result.broken else f"every promise holds; {result}"


def _words(size: Size) -> str:
    left_out = [name for name in ("watermarks", "foreign") if not getattr(size, name)]
    without = f", without {' and '.join(left_out)}" if left_out else ""
    return f"{size.replicas} replicas, {size.changes} changes{without}{'' if size.reduced else ', not reduced'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
