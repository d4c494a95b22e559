"""Reading JSON answers: whatever a body holds, the result is a value of the wanted shape or `invalid_body` with a path.

Errors name paths, types and sizes only: a body may hold personal data.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias, TypeVar

import msgspec

from streamer.model import AgentStatus
from streamer.sources.errors import PollError

T = TypeVar("T")

Memo: TypeAlias = Mapping[bytes, AgentStatus]
"""An agent's item of the last snapshot, as it came, and what it was decoded to."""

IN_THREAD_FROM: Final = 512 * 1024
"""Bodies larger than this are decoded in a thread: a megabyte would hold up the event loop for some 10 ms."""

BYTES_PER_VALUE: Final = 4
"""A large JSON answer with more commas than one in so many bytes holds no agents: theirs have one in 19 at the least."""

MAX_ID_BYTES: Final = 512

_BOM: Final = b"\xef\xbb\xbf"
_PATH = re.compile(r" - at `\$(.*)`$")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"\s*(-?[0-9]{1,19})\s*")
_INT64: Final = 2**63


async def off_loop(body: bytes, read: Callable[[bytes], T]) -> T:
    """Apply `read`, a pure function, to a body: in a thread if the body is large."""
    return await asyncio.to_thread(read, body) if len(body) > IN_THREAD_FROM else read(body)


def decode(decoder: msgspec.json.Decoder[T], content: bytes | msgspec.Raw, *, path: str = "$") -> T:
    """Decode JSON that stands at `path` of the answer.

    Raises:
        PollError: invalid_body, with the path of what is wrong.

    """
    try:
        return decoder.decode(content)
    except msgspec.ValidationError as error:
        raise _at(path, str(error)) from None
    except UnicodeDecodeError:
        raise invalid(path, "holds text that is not UTF-8") from None
    except RecursionError:
        raise invalid(path, "is nested too deeply") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise invalid(path, str(error) if isinstance(error, msgspec.DecodeError) else "is no JSON") from None


def json_text(body: bytes) -> bytes:
    """Drop a UTF-8 byte order mark, which RFC 8259 lets parsers ignore; refuse at once what is no JSON text.

    Refused as well is a large text of tiny values: `[1,1,...` takes forty times its size once decoded.

    Raises:
        PollError: invalid_body.

    """
    body = body.removeprefix(_BOM)
    start = body[:64].lstrip()
    if not start and not body.strip():
        raise invalid("$", "the body is empty")
    if start.startswith(b"<"):
        raise invalid("$", "the body is HTML or XML, not JSON")
    if len(body) > IN_THREAD_FROM and (commas := body.count(b",")) * BYTES_PER_VALUE > len(body):
        raise invalid("$", f"has {commas} commas in {len(body)} bytes: such small values are no agents")
    try:
        body.decode()  # the decoder looks only into what it reads: a broken name of a field would pass as an unknown one
    except UnicodeDecodeError as error:
        raise invalid("$", f"holds text that is not UTF-8, at byte {error.start}") from None
    return body


def agents_of(
    items: Iterable[msgspec.Raw], *, path: str, memo: Memo, read: Callable[[bytes, str], AgentStatus]
) -> tuple[Mapping[str, AgentStatus], Memo]:
    """Return the agents of a list that stands at `path` by their ids, and the memo for the next answer.

    An item that is byte for byte in `memo` gives the identical object; any other one goes through `read` with its path.

    Raises:
        PollError: whatever `read` raises, or incomplete for an agent that is listed twice.

    """
    agents: dict[str, AgentStatus] = {}
    seen: dict[bytes, AgentStatus] = {}
    for index, item in enumerate(items):
        raw = bytes(item)
        status = memo.get(raw)
        if status is None:
            status = read(raw, f"{path}[{index}]")
        if status.agent in agents:
            raise PollError("incomplete", f"{path}[{index}]: an agent that was listed before")
        agents[status.agent] = seen[raw] = status
    return agents, seen


def agent_id(value: str, path: str) -> str:
    """Check an agent's id: not blank, at most 512 bytes of UTF-8, no control characters.

    Raises:
        PollError: invalid_body.

    """
    if not value.strip():
        raise invalid(path, "the id is blank")
    if (size := len(value.encode())) > MAX_ID_BYTES:
        raise invalid(path, f"the id has {size} bytes, more than {MAX_ID_BYTES}")
    if _CONTROL.search(value):
        raise invalid(path, "the id holds a control character")
    return value


def agent_name(value: str | None, *, wanted: bool) -> str | None:
    """Return a name without blanks around it; None for a blank one, and where the tenant wants no names."""
    return (value or "").strip() or None if wanted else None


def whole_number(value: int | str, path: str) -> int:
    """Return a 64-bit number that may come as text, as vendors' documents show it.

    Raises:
        PollError: invalid_body.

    """
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        if match is None:
            raise invalid(path, "expected a number, got text that is none")
        value = int(match[1])
    if not -_INT64 <= value < _INT64:
        raise invalid(path, "the number does not fit into 64 bits")
    return value


def invalid(path: str, what: str) -> PollError:
    """Make the error for what stands at `path`."""
    return PollError("invalid_body", f"{path}: {what}")


def _at(path: str, text: str) -> PollError:
    """Lift the path, and the name of a missing field, out of the words of a `msgspec.ValidationError`."""
    if below := _PATH.search(text):
        path, text = path + below[1], text[: below.start()]
    if missing := _MISSING.fullmatch(text):
        path, text = f"{path}.{missing[1]}", "is missing"
    return invalid(path, text)
