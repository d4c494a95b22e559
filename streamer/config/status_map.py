"""`status_map`: what a tenant's own vendor statuses mean.

    status_map:
      "5/801/1726": not_ready:training        # state, or state:detail
      "5": {state: working_after_call, detail: paperwork}

The keys are patterns of vendor codes; the source says how they read. They are taken as text, quoted or not.
"""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, cast

from msgspec import Struct
from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from streamer.config.words import text_of
from streamer.model import STATES, State

_DETAIL = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2015]+")
_WHAT: Final = "a state such as ready, or a mapping of state and detail"


class StatusTarget(Struct, frozen=True):
    """A canonical state and what refines it."""

    state: State
    detail: str | None = None


def parse_target(value: object) -> StatusTarget:
    """`STATE`, `STATE:DETAIL` or `{state: STATE, detail: DETAIL}`."""
    if isinstance(value, StatusTarget):
        return value
    if isinstance(value, dict):
        if "state" not in value or value.keys() - {"state", "detail"}:
            raise ValueError("must hold state and, if wanted, detail, and nothing else")
        state = text_of(value["state"], "a mapping whose state is text")
        detail = text_of(value["detail"], "a mapping whose detail is text") if "detail" in value else None
    else:
        state, colon, rest = text_of(value, _WHAT).partition(":")
        detail = rest if colon else None
    if state not in STATES:
        raise ValueError(f"{state!r} is not a state — use one of {', '.join(STATES)}")
    if detail is not None and _DETAIL.fullmatch(detail) is None:
        raise ValueError(f"{detail!r} is not a detail — use lower case letters, digits and _, beginning with a letter")
    return StatusTarget(cast("State", state), detail)


def plain_words(status: str) -> str:
    """What is left of a status that is free text without case, separators and forms of letters: `In-Call` is `in_call`."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", status).casefold())


def one_meaning_each(status_map: "StatusMap") -> "StatusMap":
    """Refuse a map two of whose keys are one status, by their `plain_words`."""
    known: dict[str, str] = {}
    for status in status_map:
        if (other := known.setdefault(plain_words(status), status)) != status:
            raise ValueError(f"{other!r} and {status!r} are the same status — keep one of them")
    return status_map


StatusMap = Annotated[
    Mapping[str, Annotated[StatusTarget, BeforeValidator(parse_target)]],
    AfterValidator(lambda targets: MappingProxyType(dict(targets))),
    PlainSerializer(dict),
]
