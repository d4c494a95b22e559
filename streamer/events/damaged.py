"""What reading JSON raises where anybody may have written it: a damaged row, another program's record, a proxy's page."""

from __future__ import annotations

from typing import Final

import msgspec

DAMAGED: Final = (msgspec.DecodeError, ValueError, RecursionError)
"""The decoder's own error is one of three: text that is not UTF-8 and a time that is none are ValueErrors."""


def what_is_wrong(error: Exception) -> str:
    """Say what is wrong, without the personal data that a value may be."""
    match error:
        case msgspec.DecodeError():
            return str(error)
        case UnicodeDecodeError():
            return "its text is not UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return "a time in it can't be read"
