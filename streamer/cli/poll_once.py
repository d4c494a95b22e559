"""`streamer poll-once`: what a tenant's vendor says now. Nothing is compared and nothing is stored."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamer.cli.endings import FailureError, say
from streamer.cli.options import ConfigOption, Output, OutputOption, tenants_in_config
from streamer.cli.running import run_until_stopped

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamer.config import TenantConfig
    from streamer.model import AgentStatus, Meaning, Queue
    from streamer.sources.source import Source


def poll_once(
    config: ConfigOption,
    tenant: Annotated[
        str,
        typer.Option(metavar="ID", help="The tenant to poll.", show_default=False, autocompletion=tenants_in_config),
    ],
    agent: Annotated[str | None, typer.Option(metavar="ID", help="Ask for this agent alone.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the vendor once for a tenant's agents and print their statuses, canonical and as the vendor says it.

    Codes that no mapping knows are listed after them, each with the number of agents and the key that status_map lacks,
    and fields that the vendor's document does not show; then the queues, where the tenant has them polled.
    """
    from streamer.cli.opening import load_for_polling  # noqa: PLC0415

    loaded = load_for_polling(config, resolve=False)  # of all secrets only this tenant's is read, when it is polled
    found = next((each for each in loaded.tenants if each.id == tenant), None)
    if found is None:
        known = ", ".join(each.id for each in loaded.tenants[:20])
        raise FailureError(f"{config} has no tenant {tenant!r}; it has {known or 'none'}")

    async def work() -> None:
        await _poll(found, agent, output)

    run_until_stopped(work, endless=False)


async def _poll(tenant: TenantConfig, agent: str | None, output: Output) -> None:
    import asyncio  # noqa: PLC0415

    from streamer.clock import SystemClock  # noqa: PLC0415
    from streamer.sources.http import Http  # noqa: PLC0415
    from streamer.sources.registry import make_source  # noqa: PLC0415

    clock = SystemClock()
    async with Http(clock=clock) as http:
        source = make_source(tenant, http=http, clock=clock)
        deadline = clock.monotonic() + tenant.timeout / 1000
        unknown: frozenset[str] = frozenset()
        try:
            async with asyncio.timeout(tenant.timeout / 1000):
                if agent:
                    agents = [await source.agent(agent)]
                else:
                    snapshot = await source.snapshot()
                    agents, unknown = list(snapshot.agents.values()), snapshot.unknown_fields
        except TimeoutError:
            raise FailureError(f"no complete answer within the timeout of {tenant.timeout} ms") from None
        _show_agents(source, agents, output)
        _show_unknown(unknown, output)
        if source.queues is not None and agent is None:
            shown = await source.queues.snapshot(deadline=deadline)
            _show_queues(shown.queues.values(), output)
            _show_unknown(shown.unknown_fields, output)


def _show_agents(source: Source, agents: list[AgentStatus], output: Output) -> None:
    from streamer.cli import unmapped  # noqa: PLC0415

    agents.sort(key=lambda status: status.agent)
    meanings = [source.interpret(each.vendor) for each in agents]
    for status, meaning in zip(agents, meanings, strict=True):
        document = _document(status, meaning)
        sys.stdout.write(_json(document) if output is Output.JSON else _line(document))
    counted = unmapped.count(meanings)
    if output is Output.JSON:
        sys.stdout.writelines(map(_json, unmapped.documents(counted)))
    for line in (f"{len(agents)} agents", *unmapped.lines(counted)):
        say(line)


def _show_unknown(paths: frozenset[str], output: Output) -> None:
    from streamer.cli import unknown_fields  # noqa: PLC0415

    if output is Output.JSON:
        sys.stdout.writelines(map(_json, unknown_fields.documents(paths)))
    for line in unknown_fields.lines(paths):
        say(line)


def _show_queues(queues: Collection[Queue], output: Output) -> None:
    from streamer.cli.text import queue_text  # noqa: PLC0415

    for queue in sorted(queues, key=lambda queue: queue.id):
        document = _queue_document(queue)
        sys.stdout.write(_json(document) if output is Output.JSON else f"{queue_text(document)}\n")
    say(f"{len(queues)} queues")


def _queue_document(queue: Queue) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    return {
        "queue": {"id": queue.id, "name": queue.name},
        "media": queue.media,
        "type": queue.type,
        "gauges": msgspec.to_builtins(queue.gauges),
        "counters": dict(queue.counters),
    }


def _document(status: AgentStatus, meaning: Meaning) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    return {
        "agent": {"id": status.agent, "name": status.name},
        "state": meaning.state,
        "detail": meaning.detail,
        "reason": msgspec.to_builtins(meaning.reason),
        "vendor": dict(status.vendor),
        "mapped": not meaning.unmapped,
    }


def _json(document: dict[str, Any]) -> str:
    import orjson  # noqa: PLC0415

    return orjson.dumps(document).decode() + "\n"


def _line(document: dict[str, Any]) -> str:
    from streamer.cli.text import printable, status_text  # noqa: PLC0415

    agent, vendor = document["agent"], document["vendor"]
    columns = (
        f"{printable(agent['id']):<24}",
        f"{printable(agent['name'] or '-'):<24}",
        f"{status_text(document):<32}",
        printable(f"{vendor['code']} {vendor['label'] or ''}"),
    )
    return "  ".join(columns).rstrip() + "\n"
