"""The Markdown pages of the repository, and what stands in them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.support.broker import ROOT

_FENCE = re.compile(r"^ *```(\S*)[^\n]*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A block of code: the line of its fence, what stands behind that, and the text."""

    page: Page
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """One page."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """All but its blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """Where its links lead, those within the repository."""
        found = _LINK.findall(_SPAN.sub("", self.prose))
        return [each for each in found if "://" not in each and not each.startswith("mailto:")]

    @property
    def anchors(self) -> set[str]:
        """What links may name after a `#`: headings as GitHub turns them into anchors."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @property
    def spans(self) -> list[str]:
        """What stands between single backticks."""
        return _SPAN.findall(self.prose)

    def blocks(self, *languages: str) -> Iterator[Block]:
        """Yield its blocks of code, in these languages or in all."""
        text = self.text
        for found in _FENCE.finditer(text):
            if not languages or found[1] in languages:
                yield Block(self, text.count("\n", 0, found.start()) + 1, found[1], dedent(found[2]))


def pages() -> list[Page]:
    """Return all pages that are in the repository, or are about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md", ":!tests"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [Page(ROOT / name) for name in sorted(listed.stdout.split("\n")) if name and (ROOT / name).is_file()]
