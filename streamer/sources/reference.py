"""Writes the tables that docs hold of sources: the outcomes of polls, and what each vendor's statuses mean.

`python -m streamer.sources.reference [--check]`
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from streamer.generated import keep, table, with_sections
from streamer.sources import eight_by_eight_realtime_payload as realtime
from streamer.sources import eight_by_eight_realtime_queues as queues
from streamer.sources import google_ccaip, vonage_components, vonage_vocabulary
from streamer.sources.eight_by_eight import SIGNIFICANT, Status
from streamer.sources.eight_by_eight_agent_status import STATUSES
from streamer.sources.errors import ADVICE, OUTCOMES

OPERATIONS: Final = "docs/operations.md"
EIGHT_BY_EIGHT: Final = "docs/vendors/8x8-agent-status.md"
REALTIME: Final = "docs/vendors/8x8-realtime-statistics.md"
GOOGLE: Final = "docs/vendors/google-ccaip.md"
VONAGE: Final = "docs/vendors/vonage-agent-status.md"


def outcomes() -> str:
    """Return what to do about each way in which a poll can fail."""
    return table(("Outcome", "What to do"), ((f"`{each}`", _sentence(ADVICE[each])) for each in OUTCOMES))


def statuses(known: Mapping[int, Status]) -> str:
    """Return what each status of one of 8x8's APIs means."""
    rows = (
        (str(code), f"`{each.label}`", f"`{each.state}`", f"`{each.detail}`" if each.detail else "-")
        for code, each in known.items()
    )
    return table(("`agent-status`", "Label", "`state`", "`detail`"), rows)


def system_items() -> str:
    """Return what the items mean that belong to no code list in 8x8's real-time statistics."""
    rows = ((str(item), name) for item, name in realtime.SYSTEM_ITEMS.items())
    return table(("`status-code-item-id`", "`reason.name`"), rows)


def gauges() -> str:
    """Return the vendor's field of each gauge of a queue in 8x8's real-time statistics."""
    return table(("Gauge", "Field"), ((f"`{gauge}`", f"`{field}`") for gauge, field in queues.GAUGES.items()))


def significant() -> str:
    """Return the fields of 8x8's APIs that decide what a change is."""
    return "".join(f"- `{each}`\n" for each in ("agent-status", *SIGNIFICANT[1:]))


def google_statuses() -> str:
    """Return what each of the system's statuses means at Google's CCAI Platform."""
    rows = (
        (f"`{status}`", f"`{each.state}`", f"`{each.detail}`" if each.detail else "-")
        for status, each in google_ccaip.STATUSES.items()
    )
    return table(("`status`", "`state`", "`detail`"), rows)


def google_significant() -> str:
    """Return the field of Google's CCAI Platform that decides what a change is."""
    return "- `status`\n"


def vonage_presences() -> str:
    """Return what each presence means at Vonage."""
    rows = ((f"`{name}`", f"`{each.state}`", _code(each.detail)) for name, each in vonage_vocabulary.PRESENCES.items())
    return table(("`presence.name`", "`state`", "`detail`"), rows)


def vonage_interactions() -> str:
    """Return what each state of an interaction means at Vonage, the one that decides first above."""
    rows = (
        (f"`{state}`", f"`{each.state}`" if each else "-", _code(each.detail) if each else "-")
        for state, each in vonage_vocabulary.INTERACTION_STATES.items()
    )
    return table(("`state`", "`state` of the agent", "`detail`"), rows)


def vonage_media() -> str:
    """Return what each medium adds to a connected interaction at Vonage."""
    rows = ((f"`{medium}`", _code(detail)) for medium, detail in vonage_vocabulary.MEDIA.items())
    return table(("`medium`", "`detail`"), rows)


def vonage_significant() -> str:
    """Return the fields of Vonage's components that decide what a change is."""
    return "".join(
        f"- `{component}`: {', '.join(f'`{field}`' for field in fields)}\n"
        for component, fields in vonage_components.SIGNIFICANT.items()
    )


def _code(text: str | None) -> str:
    return f"`{text}`" if text else "-"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def pages() -> Mapping[str, Mapping[str, str]]:
    """Return the tables by page and section. A new source: an entry below."""
    return {
        OPERATIONS: {"outcomes": outcomes()},
        EIGHT_BY_EIGHT: {"statuses": statuses(STATUSES), "significant": significant()},
        REALTIME: {
            "statuses": statuses(realtime.STATUSES),
            "reasons": system_items(),
            "significant": significant(),
            "gauges": gauges(),
        },
        GOOGLE: {"statuses": google_statuses(), "significant": google_significant()},
        VONAGE: {
            "presences": vonage_presences(),
            "interactions": vonage_interactions(),
            "media": vonage_media(),
            "significant": vonage_significant(),
        },
    }


def main(arguments: list[str]) -> int:
    """Write the tables, or with `--check` tell which are out of date (exit code 1)."""
    return keep({page: with_sections(page, sections) for page, sections in pages().items()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
