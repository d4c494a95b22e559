"""`streamer audit`: do the tables agree with the events?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from streamer.cli.endings import FAILURE
from streamer.cli.options import ConfigOption, Output, OutputOption
from streamer.cli.running import run_until_stopped

if TYPE_CHECKING:
    from streamer.store.audit import Finding, Report


def audit(config: ConfigOption, output: OutputOption = Output.TABLE) -> None:
    """Compare each agent's row with its events, and the watermarks with both; exit code 1 if they differ.

    It may run beside the service. What retention deleted can't be compared and is told as not covered. At a terminal
    stderr shows how far it is.
    """
    from streamer.cli.opening import load_for_reading, opened  # noqa: PLC0415
    from streamer.cli.progress import progress  # noqa: PLC0415
    from streamer.store.audit import audit as audit_store  # noqa: PLC0415

    loaded = load_for_reading(config)
    reports: list[Report] = []

    async def work() -> None:
        with progress() as observer:
            async with opened(loaded) as store:
                reports.append(await audit_store(store, observer))

    run_until_stopped(work, endless=False)
    (report,) = reports
    (_print_json if output is Output.JSON else _print_table)(report)
    if not report.agrees:
        raise typer.Exit(FAILURE)


def _print_json(report: Report) -> None:
    import msgspec  # noqa: PLC0415

    for finding in report.findings:
        _write({"kind": "finding", **msgspec.structs.asdict(finding)})
    _write({"kind": "summary", "agrees": report.agrees, **msgspec.structs.asdict(report.summary)})


def _write(document: dict[str, object]) -> None:
    import orjson  # noqa: PLC0415

    sys.stdout.write(orjson.dumps(document).decode() + "\n")


def _print_table(report: Report) -> None:
    summary = report.summary
    for finding in report.findings:
        if finding.verdict == "differs":
            sys.stdout.write(f"{_line(finding)}\n")
    sys.stdout.write(
        f"{summary.agents} agents of {summary.tenants} tenants: {summary.events} events, {summary.rows} rows, "
        f"{summary.restarted} begun anew after an erasure\n"
        f"{summary.not_covered} rows not covered: their events were deleted by retention\n"
        f"{summary.differences} differences: {'the tables agree with the events' if report.agrees else 'they differ'}\n"
    )


def _line(finding: Finding) -> str:
    from streamer.cli.text import printable  # noqa: PLC0415

    who = "|".join(printable(each) for each in (finding.tenant, finding.agent) if each is not None)
    return f"{finding.place}  {who}  {finding.check}: {finding.message}"
