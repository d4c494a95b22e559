"""Taking in the body of an answer, never more of it than allowed: neither on the wire nor decompressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from streamer.sources.errors import PollError

if TYPE_CHECKING:
    from zlib import _Decompress

ACCEPT_ENCODING: Final = "gzip, deflate"

_ZLIB: Final = 15
_GZIP: Final = 31
_RAW_DEFLATE: Final = -15
_DEFLATE_METHOD: Final = 8


class Body:
    """Grows piece by piece. The decompressor is ours so that a bomb is stopped before it unfolds.

    `place` names the request in errors; `limit` is in bytes. `received` counts the bytes on the wire.
    """

    def __init__(self, *, place: str, limit: int) -> None:
        """Start empty."""
        self.received = 0
        self._place = place
        self._limit = limit
        self._encoding = "identity"
        self._content = bytearray()
        self._unpack: _Decompress | None = None

    def announce(self, *, length: int | None, encoding: str) -> None:
        """Take what the answer's head says of the body.

        Raises:
            PollError: too_large, or wrong_type for an encoding that was not asked for.

        """
        if length is not None and length > self._limit:
            raise PollError("too_large", f"{self._place}: announces {length} bytes, the limit is {self._limit}")
        encoding = encoding.strip().lower().removeprefix("x-") or "identity"
        if encoding not in ("identity", "gzip", "deflate"):
            raise PollError("wrong_type", f"{self._place}: has Content-Encoding {encoding[:40]!r}, not asked for")
        self._encoding = encoding

    def feed(self, piece: bytes) -> None:
        """Take the next bytes from the wire.

        Raises:
            PollError: too_large, or invalid_body for what can't be decompressed.

        """
        self.received += len(piece)
        if self.received > self._limit:
            raise PollError("too_large", f"{self._place}: has more than {self._limit} bytes, the limit")
        if self._encoding == "identity":
            self._content += piece
            return
        try:
            self._decompress(piece)
        except zlib.error as error:
            raise PollError(
                "invalid_body", f"{self._place}: is not {self._encoding} as it says, near byte {self.received}"
            ) from error

    def finish(self) -> bytes:
        """Return the whole content, decompressed.

        Raises:
            PollError: truncated, if the compressed data ends too early.

        """
        if self._unpack is not None and not self._unpack.eof:
            raise PollError(
                "truncated", f"{self._place}: the {self._encoding} data ends early, at {self.received} bytes"
            )
        return bytes(self._content)

    def _decompress(self, piece: bytes) -> None:
        while piece:
            if self._unpack is None or self._unpack.eof:
                if self._unpack is not None and self._encoding != "gzip":  # of gzip's members RFC 1952 allows many
                    raise zlib.error("data after the end of the stream")
                self._unpack = zlib.decompressobj(self._window_bits(piece[0]))
            self._content += self._unpack.decompress(piece, self._limit + 1 - len(self._content))
            if len(self._content) > self._limit:
                raise PollError(
                    "too_large", f"{self._place}: has more than {self._limit} bytes once decompressed, the limit"
                )
            piece = self._unpack.unused_data

    def _window_bits(self, first: int) -> int:
        """`deflate` means zlib (RFC 9110, 8.4.1.2), but some servers send the bare algorithm."""
        if self._encoding == "gzip":
            return _GZIP
        return _ZLIB if first & 0x0F == _DEFLATE_METHOD else _RAW_DEFLATE
