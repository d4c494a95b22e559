"""The words in which all messages speak of values."""

import difflib
from collections.abc import Iterable
from typing import Final

from streamer.config.document import Empty

MAX_TEXT: Final = 1024


def text_of(value: object, what: str) -> str:
    """The text of a scalar; raises ValueError, saying that it must be `what`, for anything else and for nothing."""
    if isinstance(value, str) and 0 < len(value) <= MAX_TEXT:
        return value
    raise ValueError(f"must be {what}, not {kind_of(value)}")


def quoted(text: str) -> str:
    """Text in quotes, without the credentials that a URL may carry."""
    _, at, rest = text.rpartition("@")
    return repr(f"***@{rest}" if at else text)


def kind_of(value: object) -> str:
    """What a value is, in the words of YAML and without repeating it."""
    match value:
        case Empty.EMPTY | "":
            return "empty"
        case str():
            return "text" if len(value) <= MAX_TEXT else f"text of more than {MAX_TEXT} characters"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
    return type(value).__name__


def not_one_of(value: object, known: Iterable[str]) -> str:
    """What to say of a value that must be one of some words."""
    known = list(known)
    if isinstance(value, str) and 0 < len(value) <= MAX_TEXT:
        return f"{value!r} is not known — {suggestion(value, known)}"
    return f"must be one of {', '.join(known)}, not {kind_of(value)}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
