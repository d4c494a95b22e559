"""Faults in the data: broken JSON, broken items, lists that do not tell the truth."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

from aiohttp import web

from streamer.simulator.faults.call import Answer, Call, Effect, Kind
from streamer.simulator.formats import replaced


def rewritten(body: Callable[[Call], bytes]) -> Answer:
    """Answers 200 with what `body` makes of the call."""

    async def answer(call: Call) -> web.StreamResponse:
        return call.ok(body(call))

    return answer


def one_item(spoil: Callable[[bytes, Call], bytes]) -> Answer:
    """Answers with one item, chosen at random, replaced by what `spoil` makes of it."""

    def body(call: Call) -> bytes:
        items = list(call.items)
        if items:
            victim = call.dice.randrange(len(items))
            items[victim] = spoil(items[victim], call)
        return call.body(items)

    return rewritten(body)


def _invalid_json(call: Call) -> bytes:
    return call.content.format.broken(call.body())


def _last_with(call: Call, path: Sequence[str], raw: bytes) -> bytes:
    last = call.items[-1] if call.items else call.content.format.encode({})
    return call.body([*call.items[:-1], call.content.format.with_raw(last, path, raw)])


def _nan(call: Call) -> bytes:
    """NaN is no JSON (RFC 8259), though some encoders write it and some decoders read it; in XML it is no number."""
    return _last_with(call, call.content.fields.status, b"NaN")


def _invalid_utf8(call: Call) -> bytes:
    return _last_with(call, call.content.fields.name, b'"\xff\xfe\xc3"')


def _duplicate(call: Call) -> bytes:
    return call.body([*call.items, *call.items[:1]])


def _wrong_top_level(call: Call) -> bytes:
    return call.content.format.astray(call.items)


def _half(call: Call) -> bytes:
    kept = sorted(call.dice.sample(range(len(call.items)), len(call.items) // 2))
    return call.body([call.items[index] for index in kept])


def _shuffled(call: Call) -> bytes:
    return call.body(call.dice.sample(call.items, len(call.items)))


def _extra_fields(call: Call) -> bytes:
    """Fields that no document knows, inside the items and, in a list that a JSON object holds, beside it."""
    items = [call.content.format.with_more(item) for item in call.items]
    body = call.body(items)
    if call.content.single or not body.startswith(b"{"):
        return body
    return body[:-1] + b',"paging":{"total":' + str(len(items)).encode() + b"}}"


def _without_id(item: bytes, call: Call) -> bytes:
    fields = call.content.format.decode(item)
    kept = {key: value for key, value in fields.items() if key not in call.content.fields.ids}
    return call.content.format.encode(kept)


def _wrong_types(item: bytes, call: Call) -> bytes:
    fields, path = call.content.format.decode(item), call.content.fields.status
    return call.content.format.encode(replaced(fields, path, {"code": 4}))


def _unknown_status(item: bytes, call: Call) -> bytes:
    fields, path = call.content.format.decode(item), call.content.fields.status
    value = int(call.argument) if call.content.fields.numeric else call.argument
    return call.content.format.encode(replaced(fields, path, value))


def _decoded(argument: str) -> bytes:
    return base64.b64decode(argument, altchars=b"-_", validate=True)


BODIES: dict[str, Kind] = {
    "empty-body": Kind(Effect.FAILS, "200 with no body at all", rewritten(lambda _call: b"")),
    "invalid-json": Kind(Effect.FAILS, "a body that is no JSON, or no XML", rewritten(_invalid_json)),
    "nan": Kind(Effect.FAILS, "NaN for one agent's status", rewritten(_nan)),
    "invalid-utf8": Kind(Effect.FAILS, "bytes that are no UTF-8 in one agent's name", rewritten(_invalid_utf8)),
    "duplicate-agent": Kind(Effect.FAILS, "one agent twice in the list", rewritten(_duplicate)),
    "missing-agent-id": Kind(Effect.FAILS, "one agent without its id", one_item(_without_id)),
    "wrong-types": Kind(Effect.FAILS, "an object where one agent's status belongs", one_item(_wrong_types)),
    "wrong-top-level": Kind(Effect.FAILS, "the agents where no document puts them", rewritten(_wrong_top_level)),
    "body": Kind(
        Effect.FAILS,
        "200 with the argument, in base64url, as body",
        rewritten(lambda c: _decoded(c.argument)),
        check=_decoded,
    ),
    "shuffled": Kind(Effect.HARMLESS, "the agents in another order", rewritten(_shuffled)),
    "extra-fields": Kind(Effect.HARMLESS, "fields that no document knows", rewritten(_extra_fields)),
    "empty-list": Kind(Effect.LIES, "no agents", rewritten(lambda call: call.body([]))),
    "half-missing": Kind(Effect.LIES, "half of the agents", rewritten(_half)),
    "unknown-status": Kind(
        Effect.LIES, "one agent with the status code of the argument", one_item(_unknown_status), "42", int
    ),
}
