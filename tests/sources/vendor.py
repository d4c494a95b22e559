"""A vendor that answers as a test says, over real HTTP, and remembers what it was asked."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

FIXTURES = Path(__file__).parent / "fixtures"

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """One request as it came in, with the number of the connection it came by and its peer's own port."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    port: int


class Vendor:
    """`respond` may be replaced at any time; `asked` grows."""

    def __init__(self) -> None:
        """Answer 500 until told otherwise."""
        self.asked: list[Asked] = []
        self.respond: Respond = answer(b"not told what to answer", status=500)
        self.base_url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note a request and answer it."""
        peer = request.transport.get_extra_info("peername") if request.transport else None
        self.asked.append(
            Asked(
                method=request.method,
                path=request.raw_path,
                headers=request.headers.copy(),
                body=await request.read(),
                port=peer[1] if peer else 0,
            )
        )
        return await self.respond(request)


@asynccontextmanager
async def vendor_server(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[Vendor]:
    """Run a vendor on a free port of 127.0.0.1."""
    vendor = Vendor()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", vendor.handle)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1, ssl=tls)
    vendor.base_url = str(server.make_url("/")).rstrip("/")
    try:
        yield vendor
    finally:
        await server.close()


def answer(
    body: bytes, *, status: int = 200, content_type: str | None = None, headers: Mapping[str, str] | None = None
) -> Respond:
    """Answer with these bytes, always, by default as the type that is asked for; `{form}` in a type is that type's."""

    async def respond(request: web.Request) -> web.StreamResponse:
        kind = (content_type or "application/{form}").replace("{form}", form_of(request))
        return web.Response(body=body, status=status, headers={"Content-Type": kind, **(headers or {})})

    return respond


def form_of(request: web.Request) -> str:
    """Return the form of answer that a request asks for, `json` or `xml`."""
    return "xml" if "xml" in request.headers.get("Accept", "") else "json"


def fixture(source: str, name: str, form: str = "json") -> bytes:
    """Read a raw payload by the name of its situation."""
    return FIXTURES.joinpath(source, f"{name}.{form}").read_bytes()


def untrusted_tls() -> ssl.SSLContext:
    """Return the TLS of a server whose certificate nobody has reason to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FIXTURES / "tls" / "self-signed.pem")
    return context
