"""By what a server recognises a body that it sent before (RFC 9110, 8.8), as far as we trust it with that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from streamer.model import Millis
from streamer.sources.http_fields import http_date

SETTLED: Final[Millis] = 60_000
"""A Last-Modified has whole seconds: what changes later in the same second has the same one. So it counts only where
the answer's own Date is later by this much, as RFC 7232, 2.2.2, asked for; RFC 9110 is content with one second, but
a server may take longer than that from looking to answering."""

_ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,512}"')
_LONGEST_DATE: Final = 64


class Validators(Struct, frozen=True):
    """What a server gave to recognise a body by: `etag`, strong or weak, and `last_modified`, both as it sent them."""

    etag: str | None = None
    last_modified: str | None = None

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields of a request for anything but that body (RFC 9110, 13.1); empty where there are no validators."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value is not None}


NONE: Final = Validators()
"""Ask without a condition."""


def validators_of(headers: Mapping[str, str], *, date: Millis | None) -> Validators:
    """Take the validators of an answer whose `Date` is `date`. What is malformed, or could hide a change, is left out."""
    etag = headers.get("ETag", "").strip()
    modified = headers.get("Last-Modified", "").strip()
    sendable = len(modified) <= _LONGEST_DATE and modified.isascii() and modified.isprintable()
    since = http_date(modified) if sendable else None
    settled = since is not None and date is not None and date - since >= SETTLED
    return Validators(
        etag=etag if _ENTITY_TAG.fullmatch(etag) else None,
        last_modified=modified if settled else None,
    )
