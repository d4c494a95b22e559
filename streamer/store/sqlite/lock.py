"""One owner for a database: a lock file beside it that says who that is. The kernel lets go of it with the process."""

from __future__ import annotations

import fcntl
import os
import socket
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from streamer.clock import rfc3339
from streamer.events.damaged import DAMAGED
from streamer.store.engine import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from streamer.clock import Clock

_READ_BYTES: Final = 4096


class Holder(Struct, frozen=True):
    """Who holds the lock, as the file says; `since` is RFC 3339."""

    pid: int
    host: str
    since: str


class OwnerLock:
    """An advisory lock, flock(2). It tells people early; what keeps data safe is the writer's epoch, not this."""

    def __init__(self, *, database: Path, clock: Clock) -> None:
        """Take the database that is locked; the lock file is called the same with `.lock` behind it."""
        self.path = database.with_name(f"{database.name}.lock")
        self._database = database
        self._clock = clock
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock, or check that it is still held: somebody may have removed the file meanwhile.

        Raises:
            StoreError: another process holds it, or no lock can be made there.

        """
        if self._file is not None and self._is_at_path(self._file):
            return
        self.release()
        try:
            # never removed: between a removal and the next lock two processes could hold different files
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            message = f"{self.path} can't be opened: {error.strerror}. Check that the folder exists and can be written"
            raise StoreError(message) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            holder = Holder(pid=os.getpid(), host=socket.gethostname(), since=rfc3339(self._clock.wall()))
            os.ftruncate(file, 0)
            os.pwrite(file, msgspec.json.encode(holder), 0)
        except OSError as error:
            message = self._refusal(file, error)
            os.close(file)
            raise StoreError(message) from error
        self._file = file

    def release(self) -> None:
        """Let go of the lock if it is held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _is_at_path(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except OSError:
            return False

    def _refusal(self, file: int, error: OSError) -> str:
        if not isinstance(error, BlockingIOError):
            return f"{self.path} can't be locked: {error.strerror}. Put the database on a local disk with room on it"
        try:
            holder = msgspec.json.decode(os.pread(file, _READ_BYTES, 0), type=Holder)
            who = f"process {holder.pid} on {holder.host} since {holder.since}"
        except DAMAGED:
            who = "a process that has not yet said which"
        return f"{self._database} is in use by {who}: stop that one, or give this one another file"
