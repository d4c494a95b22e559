"""What the APIs of 8x8 have in common: which fields are an agent's status, what they mean, how an agent is named."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct

from streamer.config import StatusTarget
from streamer.model import Meaning, Reason, State
from streamer.sources.errors import PollError
from streamer.sources.unmapped import unknown

LIST: Final = "status-code-list-id"
ITEM: Final = "status-code-item-id"
SHORT_CODE: Final = "status-code-item-short-code"
SUB_STATUS: Final = "agent-sub-status"

SIGNIFICANT: Final = ("code", LIST, ITEM, SHORT_CODE, SUB_STATUS)
"""The published fields that decide whether a status changed; one that is absent equals null."""

NO_LIST: Final = (None, -1)
"""What stands in place of a code list for the codes that 8x8's system gives itself."""

_STATUS_KEY = re.compile(r"(0|[1-9][0-9]{0,18})(/(0|-?[1-9][0-9]{0,18})){0,2}")


class Status(Struct, frozen=True):
    """One of an API's statuses: its label, and what it means in canonical terms."""

    label: str
    state: State
    detail: str | None = None


class Vocabulary8x8(Struct, frozen=True, kw_only=True):
    """What one API's codes mean to one tenant.

    `statuses` are the API's own, by `agent-status`; `status_map` is the tenant's, which refines them; `system_items`
    names the items that belong to no code list.
    """

    statuses: Mapping[int, Status]
    status_map: Mapping[str, StatusTarget]
    system_items: Mapping[int, str] = MappingProxyType({})

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Look a status up in the tenant's `status_map`, most specific key first, then among the API's. Never raises."""
        code, codes, item = (vendor.get(field) for field in ("code", LIST, ITEM))
        reason = self._reason(codes, item, vendor.get(SHORT_CODE))
        for key in (f"{code}/{codes}/{item}", f"{code}/{codes}", f"{code}"):
            if (target := self.status_map.get(key)) is not None:
                return Meaning(state=target.state, detail=target.detail, reason=reason)
        status = self.statuses.get(code) if isinstance(code, int) else None
        if status is None:
            return unknown("agent-status", code, fault=status_key_fault, reason=reason)
        return Meaning(state=status.state, detail=status.detail, reason=reason)

    def _reason(self, codes: object, item: object, name: object) -> Reason | None:
        if codes is None and item is None:
            return None
        if name is None and codes in NO_LIST and isinstance(item, int):
            name = self.system_items.get(item)
        return Reason(code=_text(item), name=_text(name), list=_text(codes))


def significant(vendor: Mapping[str, Any]) -> Hashable:
    """Return the published values that decide whether a status changed."""
    return tuple(vendor.get(field) for field in SIGNIFICANT)


def status_key_fault(key: str) -> str | None:
    """Refuse keys of a `status_map` that are not `5`, `5/801` or `5/801/1726`: status, code list, item."""
    if _STATUS_KEY.fullmatch(key):
        return None
    return f"{key!r} is no status — write STATUS, STATUS/LIST or STATUS/LIST/ITEM in digits, such as 5/801/1726"


def path_segment(agent_id: str) -> str:
    """Return an agent's id as one segment of a URL's path, percent-encoded.

    Raises:
        PollError: not_found, for what leads elsewhere as a segment of a path.

    """
    if agent_id.strip() in ("", ".", ".."):
        raise PollError("not_found", f"{agent_id!r} is no agent's id")
    return quote(agent_id, safe="", errors="replace")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
