"""Plays a run full of trouble, asks a real Prometheus what the dashboards ask, and draws the answers; some minutes.

Grafana itself is not here. What draws are its own components (npm: `@grafana/ui`, `@grafana/data`), in Chromium.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.dashboards.asked import ALL, Asked, boards
from tests.dashboards.scene import Scene
from tests.support.broker import ROOT, Broker
from tests.support.browser import visiting
from tests.support.trial import pause, shared_place

HERE: Final = Path(__file__).parent
FETCHED: Final = ROOT / ".pictures"
DRAWN: Final = ROOT / "docs" / "pictures"

WIDTH, UNIT = 1440, 27
"""Pixels: of a picture, and of a unit of a panel's height."""

MARGIN = 45
"""Second of a minute at which the pictures end, or the time that is written below their right edge would be cut off."""

SETTLED_AFTER = 5000
"""Milliseconds after which everything is where it stays."""

HARMLESS: Final = ("warning", "log", "info", "debug", "error: Failed to load resource")
"""Beginnings of what a page may complain of: the font is among what Grafana's server would serve."""

PAGE: Final = """<!doctype html>
<meta charset="utf-8">
<link rel="stylesheet" href="panels.css">
<body style="margin: 0"><div id="all"></div>
<script>const TOLD = TOLD_HERE</script>
<script src="panels.js"></script>
"""

SHOWN: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "contact-centre": ("contact-centre", ("Now", "Agents", "Changes", "How far it can be trusted")),
    "operators-polls": ("operators", ("Now", "Polls", "Freshness")),
    "operators-kafka": ("operators", ("Publishing", "Shards", "Processes")),
}
"""The pictures: of which dashboard, which of its rows."""


def asked(scene: Scene, *, start: float, end: float) -> dict[str, Any]:
    """Return the dashboards, to each query what Prometheus answers to it."""
    made: dict[str, Any] = {}
    for name, board in boards().items():
        panels = made[name] = [dict(panel) for panel in board["panels"]]
        for panel in panels:
            for target in panel.get("targets", ()):
                query = Asked(name, panel["title"], target["expr"], instant=target.get("instant", False))
                text = query.with_values(ALL)
                prometheus = scene.prometheus
                answer = prometheus.now(text, at=end) if query.instant else prometheus.over(text, start=start, end=end)
                target["answer"] = answer
    return made


def play(seconds: float, folder: Path) -> dict[str, Any]:
    """Have everything happen, and as much calm after it; return what is to be drawn."""
    with Broker() as broker, Scene(shared_place(broker.bootstrap, "pictures-", partitions=4), folder) as scene:
        pause(seconds / 2)
        scene.trouble()
        pause(seconds / 2)
        end = math.ceil((time.time() - MARGIN) / 60) * 60 + MARGIN
        pause(end - time.time())
        return {"start": end - seconds, "end": end, "boards": asked(scene, start=end - seconds, end=end)}


def draw(told: Mapping[str, Any], folder: Path) -> None:
    """Draw each picture with Grafana's components."""
    script = folder / "panels.js"
    bundle = [str(FETCHED / "node_modules/.bin/esbuild"), str(HERE / "panels.jsx"), "--bundle", f"--outfile={script}"]
    options = ["--loader:.svg=dataurl", "--loader:.ttf=dataurl", "--jsx=automatic", "--minify", "--log-level=error"]
    options.append('--define:process.env.NODE_ENV="production"')
    environment = {**os.environ, "NODE_PATH": str(FETCHED / "node_modules")}
    subprocess.run([*bundle, *options], check=True, env=environment)
    DRAWN.mkdir(exist_ok=True)
    for name, (board, rows) in SHOWN.items():
        panels, height = placed(told["boards"][board], rows)
        data = json.dumps({"start": told["start"], "end": told["end"], "panels": panels, "unit": UNIT, "width": WIDTH})
        page = folder / f"{name}.html"
        page.write_text(PAGE.replace("TOLD_HERE", data.replace("</", "<\\/")))
        photograph(page, DRAWN / f"{name}.png", height * UNIT)


def placed(panels: Sequence[Mapping[str, Any]], rows: Sequence[str]) -> tuple[list[Mapping[str, Any]], int]:
    """Return the panels of some rows, moved up to the top, and how high they are together."""
    kept: list[Mapping[str, Any]] = []
    row, top, bottom = "", 0, 0
    for panel in panels:
        place = panel["gridPos"]
        if panel["type"] == "row":
            row, top = panel["title"], bottom - place["y"]
        if row in rows:
            kept.append({**panel, "gridPos": {**place, "y": place["y"] + top}})
            bottom = max(bottom, place["y"] + top + place["h"])
    return kept, bottom


def photograph(page: Path, picture: Path, height: int) -> None:
    """Have Chromium open a page and take a picture of it."""
    with visiting(page.as_uri()) as visit:
        visit.page.set_viewport_size({"width": WIDTH, "height": height})
        visit.page.wait_for_timeout(SETTLED_AFTER)
        visit.page.screenshot(path=picture)
        wrong = [each for each in visit.complaints if not each.startswith(HARMLESS)]
    if wrong:
        raise RuntimeError(f"{picture.name} is not as it should be: {wrong[0]}")
    sys.stdout.write(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1024} KiB\n")


def main(arguments: Sequence[str]) -> int:
    """Play, ask and draw; or draw again what was asked before."""
    parser = argparse.ArgumentParser(prog="python -m tests.dashboards.drawing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how much of the run is on the pictures")
    parser.add_argument("--answers", type=Path, help="a file of answers: draw these if it is there, else write them")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if chosen.answers is not None and chosen.answers.is_file():
            told = json.loads(chosen.answers.read_text())
        else:
            told = play(chosen.seconds, Path(folder))
            if chosen.answers is not None:
                chosen.answers.write_text(json.dumps(told))
        draw(told, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
