"""A schema registry that says what a test has it say, for what a real one can't be brought to: over real HTTP."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.ports import HOST


@dataclass(frozen=True)
class Asked:
    """A request."""

    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def subject(self) -> str:
        """Whose schema it is about."""
        return self.path.split("/")[2]


@dataclass
class ScriptedRegistry:
    """Gives each schema a number in the order in which they come, like real ones, unless `says` says otherwise.

    `says` is by subject, `""` for all: a status and a body. `once` is what it says the first time.
    """

    says: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    once: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    first: int = 1
    schemas: list[str] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request."""
        asked = Asked(request.path, request.headers, json.loads(await request.text()))
        self.asked.append(asked)
        told = self.once.pop(asked.subject, None) or self.says.get(asked.subject) or self.says.get("")
        if told is None:
            schema = asked.body["schema"]
            if schema not in self.schemas:
                self.schemas.append(schema)
            told = 200, json.dumps({"id": self.first + self.schemas.index(schema)}).encode()
        status, body = told
        headers = {"Location": f"{self.url}/elsewhere"} if status in (301, 307) else {}
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)


@asynccontextmanager
async def scripted_registry(tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedRegistry]:
    """Serve one, with TLS if there is a context."""
    registry = ScriptedRegistry()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", registry.handle)
    server = TestServer(app, host="localhost" if tls else HOST)
    await server.start_server(ssl=tls)
    try:
        registry.url = str(server.make_url("/")).rstrip("/")
        yield registry
    finally:
        await server.close()
