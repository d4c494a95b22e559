"""Draws the pictures of the docs from a real run: `make pictures`."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, get_args

from tests.browser.story import status_page, trouble
from tests.support.broker import ROOT, Broker
from tests.support.browser import Scheme
from tests.support.trial import shared_place

PICTURES: Final = ROOT / "docs" / "pictures"


def main() -> None:
    """Write `docs/pictures/status-page-*.png`."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="streamer-pictures-") as folder, Broker() as broker:
        place = shared_place(broker.bootstrap, f"t{secrets.token_hex(6)}-", partitions=12)
        with status_page(place, Path(folder)) as (trial, visit):
            trouble(trial, visit.page)
            for scheme in get_args(Scheme):
                visit.page.emulate_media(color_scheme=scheme)
                picture = PICTURES / f"status-page-{scheme}.png"
                visit.page.screenshot(path=picture)
                sys.stdout.write(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()
