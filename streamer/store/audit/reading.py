"""Reading records as far as an audit needs them: tolerant of what later releases add, strict in what it compares."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import Raw, Struct

from streamer.store.audit.findings import Finding

if TYPE_CHECKING:
    from streamer.events.record import Stored


class _Id(Struct, frozen=True):
    id: str


class _Since(Struct, frozen=True):
    earliest: str | None


class Event(Struct, frozen=True):
    """An event; `previous` and `current` as the bytes that they are."""

    tenant: str
    agent: _Id
    sequence: int
    tenant_sequence: int
    change: str
    previous: Raw
    current: Raw
    detected_at: str
    occurred: _Since | None
    late: bool

    @property
    def earliest(self) -> str | None:
        """When it occurred at the earliest, None where that is not known."""
        return None if self.occurred is None else self.occurred.earliest


class Mark(Struct, frozen=True):
    """A record of `tenant-status`."""

    tenant: str
    tenant_sequence: int
    complete_through: str | None
    health: str


read_event: Final = msgspec.json.Decoder(Event).decode
read_mark: Final = msgspec.json.Decoder(Mark).decode


def digest(record: Stored) -> bytes:
    """Return what two records share exactly if their values and headers are the same bytes."""
    parts = (record.value or b"", *(part for name, value in record.headers for part in (name.encode(), value)))
    total = blake2b(digest_size=16)
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.digest()


def finding(
    check: str,
    record: Stored,
    message: str,
    *,
    verdict: Literal["differs", "not_covered"] = "differs",
) -> Finding:
    """Return a finding about a record; tenant and agent are those of its key."""
    tenant, separator, agent = record.key.decode(errors="replace").partition("|")
    return Finding(
        verdict=verdict,
        check=check,
        tenant=tenant,
        agent=agent if separator else None,
        place=record.place,
        message=message,
    )
