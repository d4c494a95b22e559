"""`streamer simulate`: a contact-centre vendor to try the product on."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from streamer.cli.endings import say
from streamer.cli.running import run_until_stopped


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
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record what truly happens there, as JSON lines.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Print what --faults knows.")] = False,
) -> None:
    """Serve the 8x8 agent-status API for simulated tenants, until Ctrl-C."""
    from streamer.simulator import SimulatorServer, SimulatorSettings, describe_faults, parse_faults  # noqa: PLC0415

    if list_faults:
        sys.stdout.write(f"{describe_faults()}\n")
        return
    try:
        parse_faults(faults)
        settings = SimulatorSettings(
            tenants=tenants,
            agents=agents,
            seed=seed,
            speed=speed,
            churn=churn,
            faults=faults,
            truth=truth,
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
