"""Ports for servers that tests start and stop."""

from __future__ import annotations

import os
import secrets
import socket
from collections import deque
from contextlib import ExitStack
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 10_000
_SHARES = 16
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_MINE = int(_WORKER.removeprefix("gw")) % (_SHARES - 1) if _WORKER else _SHARES - 1
"""Each worker of the tests draws from ports of its own: what one has chosen and not bound yet, no other takes."""

_lately: deque[int] = deque(maxlen=256)
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Return that many different TCP ports on which nothing listens now.

    They lie below the range from which the kernel serves outgoing connections. In it, a client that keeps trying the
    port of a stopped server sooner or later gets that very port as its own, connects to itself, and the server cannot
    come back. They are drawn from the system's randomness: a test run with a fixed seed must not draw the same ones
    as another at the same time.

    Raises:
        OSError: no free port was found.

    """
    highest = min(_first_ephemeral(), 32_768) - 1
    ports: list[int] = []
    with ExitStack() as held:
        for _ in range(100 * count):
            if len(ports) == count:
                return ports
            port = _LOWEST + secrets.randbelow((highest - _LOWEST) // _SHARES) * _SHARES + _MINE
            if port in _lately:
                continue
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            ports.append(port)
            _lately.append(port)
    raise OSError(f"found {len(ports)} of {count} free ports between {_LOWEST} and {highest} on {HOST}")


def free_port() -> int:
    """Return one free TCP port; see `free_ports`."""
    return free_ports(1)[0]


def accepts(port: int, *, within: float = 1.0) -> bool:
    """Tell whether something accepts connections on a loopback port; `within` is in seconds."""
    try:
        socket.create_connection((HOST, port), timeout=within).close()
    except OSError:
        return False
    return True


def _first_ephemeral() -> int:
    try:
        return int(_EPHEMERAL.read_text().split()[0])
    except OSError:
        return 32_768
