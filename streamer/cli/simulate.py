"""`streamer simulate`: a contact-centre vendor to try the product on."""

from __future__ import annotations

import asyncio
import enum
import sys
from pathlib import Path
from typing import Annotated

import typer

from streamer.cli.endings import say
from streamer.cli.running import run_until_stopped


class VonageSince(enum.Enum):
    """The two readings of Vonage's document."""

    STATE = "state"
    INTERACTION = "interaction"


def simulate(  # noqa: PLR0913 - one parameter an option
    *,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8088,
    tenants: Annotated[int, typer.Option(help="Tenants: sim-001, sim-002, ...")] = 3,
    agents: Annotated[int, typer.Option(help="Agents of each tenant at the start.")] = 50,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal histories.")] = 1,
    faults: Annotated[
        str, typer.Option(metavar="NAME[:PROBABILITY[:ARGUMENT]],...", help="What goes wrong; see --list-faults.")
    ] = "",
    speed: Annotated[float, typer.Option(help="1: calls of minutes; 20: calls of seconds.")] = 1.0,
    churn: Annotated[float, typer.Option(help="Probability that a change is the agent's leaving the list.")] = 0.0,
    sources: Annotated[
        str, typer.Option(metavar="NAME,...", help="Vendor APIs to serve, by the names of sources; unset: all.")
    ] = "",
    clock_skew: Annotated[
        float, typer.Option(metavar="SECONDS", help="By so much the vendor's clock is ahead of the true time.")
    ] = 0.0,
    stats_cache: Annotated[
        float, typer.Option(metavar="SECONDS", help="How often real-time statistics are refreshed; 0: no cache.")
    ] = 10.0,
    page_size: Annotated[int, typer.Option(help="Agents on a page of Vonage's answer.")] = 100,
    vonage_since: Annotated[
        VonageSince, typer.Option(help="What since of an interaction tells: its state's beginning, or its own.")
    ] = VonageSince.STATE,
    token_life: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long a token of /oauth/token is good.")
    ] = 3600.0,
    no_etags: Annotated[bool, typer.Option("--no-etags", help="Never answer 304.")] = False,
    no_compression: Annotated[bool, typer.Option("--no-compression", help="Never compress.")] = False,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record what truly happens there, as JSON lines.")
    ] = None,
    requests: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record each request for a vendor's data there, as JSON lines.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Print what --faults knows.")] = False,
) -> None:
    """Serve every vendor API that is known for simulated tenants, until Ctrl-C: one port, the vendors' own paths."""
    from streamer.simulator import (  # noqa: PLC0415
        SimulatorServer,
        SimulatorSettings,
        describe_faults,
        parse_faults,
        parse_sources,
    )

    if list_faults:
        sys.stdout.write(f"{describe_faults()}\n")
        return
    try:
        parse_faults(faults)
        served = parse_sources(sources)
        settings = SimulatorSettings(
            tenants=tenants,
            agents=agents,
            seed=seed,
            speed=speed,
            churn=churn,
            faults=faults,
            sources=served,
            clock_skew=clock_skew,
            stats_cache=stats_cache,
            page_size=page_size,
            vonage_since=vonage_since.value,
            token_life=token_life,
            etags=not no_etags,
            compression=not no_compression,
            truth=truth,
            requests=requests,
            host=host,
            port=port,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error

    async def serve() -> None:
        async with SimulatorServer(settings) as simulator:
            say(f"simulating {tenants} tenants of {agents} agents at {simulator.base_url}")
            await asyncio.Event().wait()

    run_until_stopped(serve)
