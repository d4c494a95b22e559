"""What of a tenant's statuses no mapping knows, and what to write so that one does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streamer.cli.text import printable
from streamer.model import STATES, Meaning, Unmapped

_STATES = ", ".join(state for state in STATES if state != "unknown")


def count(meanings: Iterable[Meaning]) -> Mapping[Unmapped, int]:
    """Return each part that no mapping knows with the number of agents that show it, the most frequent first."""
    seen = Counter(part for meaning in meanings for part in meaning.unmapped)
    return dict(sorted(seen.items(), key=lambda each: (-each[1], each[0].field, each[0].code)))


def documents(counted: Mapping[Unmapped, int]) -> Iterator[dict[str, Any]]:
    """Yield one document for each: the vendor's field and code, how many agents, and the key of `status_map` or null."""
    for part, agents in counted.items():
        yield {"unmapped": {"field": part.field, "code": part.code, "agents": agents, "status_map": part.key}}


def lines(counted: Mapping[Unmapped, int]) -> Iterator[str]:
    """Yield the same for people, with what to add to the config."""
    if not counted:
        return
    yield f"unmapped vendor codes: {len(counted)}; with STATE one of {_STATES}, or STATE:DETAIL"
    for part, agents in counted.items():
        todo = f"add to status_map  {quoted(part.key)}: STATE" if part.key else "no key of status_map can name it"
        yield f"  {part.field} {printable(part.code)}, agents: {agents} - {todo}"


def quoted(text: str) -> str:
    """Return a text as YAML's double-quoted scalar, in characters that a terminal shows and does not obey."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else char.encode("unicode_escape").decode()
