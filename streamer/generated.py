"""Pages of the repository that are made from code: `make generate` writes them, `make check` finds the outdated ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The checkout."""

END: Final = "<!-- end -->"


def keep(files: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Write files, texts by their paths in the checkout, or with `--check` tell which are out of date (exit code 1)."""
    stale = {name: text for name, text in files.items() if _text(name) != text}
    if "--check" not in arguments:
        for name, text in stale.items():
            path = ROOT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return 0
    if stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run make generate and commit them\n")
    return int(bool(stale))


def with_sections(name: str, sections: Mapping[str, str]) -> str:
    """Return the text of a page with the sections that are made replaced; the rest is written by hand.

    A section stands between `<!-- made: NAME -->` and `<!-- end -->`.

    Raises:
        ValueError: the page has not exactly one such section.

    """
    page = _text(name) or ""
    for section, text in sections.items():
        start = f"<!-- made: {section} -->\n"
        before, found, rest = page.partition(start)
        _, end, after = rest.partition(END)
        if not found or not end or start in after:
            raise ValueError(f"{name} must have one section {start.strip()}, closed by {END}")
        page = f"{before}{start}{text}{END}{after}"
    return page


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _text(name: str) -> str | None:
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.is_file() else None
