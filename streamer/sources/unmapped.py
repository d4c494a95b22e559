"""What a status means that no mapping knows."""

from __future__ import annotations

from collections.abc import Callable

from streamer.model import Meaning, Reason, Unmapped


def unknown(field: str, code: object, *, fault: Callable[[str], str | None], reason: Reason | None = None) -> Meaning:
    """Return the meaning of a code that stands in the vendor's `field` and is a key of `status_map` itself.

    `fault` says what is wrong with a key: a code that can't be one gets none.
    """
    text = f"{code}"
    return Meaning("unknown", reason=reason, unmapped=(Unmapped(field, text, None if fault(text) else text),))
