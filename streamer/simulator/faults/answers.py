"""Faults that replace the answer: other status codes, other media, other places."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import web

from streamer.simulator.access import BASIC
from streamer.simulator.faults.call import Answer, Call, Effect, Kind

HTML = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"


def status(code: int, message: str) -> Answer:
    """Answers `code` with an error body in JSON; the argument, if any, becomes Retry-After."""

    async def answer(call: Call) -> web.StreamResponse:
        headers = {"Retry-After": _retry_after(call.argument)} if call.argument else {}
        if code == HTTPStatus.UNAUTHORIZED:
            headers |= BASIC
        return web.json_response({"status": code, "message": message}, status=code, headers=headers)

    return answer


async def html(_call: Call) -> web.StreamResponse:
    """An error page that claims success, as proxies and sign-in gateways send it."""
    return web.Response(text=HTML, content_type="text/html")


async def content_type(call: Call) -> web.StreamResponse:
    """Answer with the right body under the content type of the argument."""
    return web.Response(body=call.body(), headers={"Content-Type": call.argument})


async def redirect(call: Call) -> web.StreamResponse:
    """To the argument; without one to this simulator under another host name, where arrivals are counted."""
    port = call.request.url.port
    target = call.argument or f"http://localhost:{port}/_simulator/elsewhere"
    return web.Response(status=302, headers={"Location": target})


async def set_cookie(call: Call) -> web.StreamResponse:
    """A session cookie naming the tenant: a client that shares it between tenants is found out."""
    response = call.ok()
    response.set_cookie("session", call.tenant, path="/")
    return response


def _retry_after(argument: str) -> str:
    """`date+N` as the HTTP date N seconds ahead (RFC 9110, 5.6.7), anything else as it is."""
    if argument.startswith("date+"):
        return formatdate(time.time() + float(argument.removeprefix("date+")), usegmt=True)
    return argument


def _checked_retry_after(argument: str) -> object:
    return _retry_after(argument)


def _unavailable(code: int, message: str) -> Kind:
    text = f"{code}; argument: Retry-After in seconds, or date+SECONDS for a date, or anything else as it is"
    return Kind(Effect.FAILS, text, status(code, message), check=_checked_retry_after)


def _error(code: int, message: str) -> Kind:
    return Kind(Effect.FAILS, f"{code} {message}", status(code, message))


ANSWERS: dict[str, Kind] = {
    "400": _error(400, "Bad Request"),
    "401": _error(401, "Unauthorized"),
    "403": _error(403, "Forbidden: Agent Status API is not enabled"),
    "404": _error(404, "Not Found"),
    "429": _unavailable(429, "Too Many Requests"),
    "500": _error(500, "Internal Server Error"),
    "502": _error(502, "Bad Gateway"),
    "503": _unavailable(503, "Service Unavailable"),
    "504": _error(504, "Gateway Timeout"),
    "html": Kind(Effect.FAILS, "an HTML page with status 200", html),
    "content-type": Kind(
        Effect.FAILS, "the right body under a wrong content type, the argument", content_type, "text/plain"
    ),
    "redirect": Kind(Effect.FAILS, "302 to another host; argument: the URL, a comma written as %2C", redirect),
    "set-cookie": Kind(Effect.HARMLESS, "a good answer that sets the tenant's session cookie", set_cookie),
}
