"""A real browser, without a screen: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Page, sync_playwright

from tests.support.programs import WITHIN
from tests.support.tools import installed

ARGUMENTS: Final = ("--no-sandbox", "--disable-breakpad", "--disable-crash-reporter")
"""CI runs as root, which Chromium's sandbox does not like; and its crash reporter would outlive it."""

Scheme = Literal["light", "dark"]

WIDTH, HEIGHT = 1360, 720


@dataclass
class Visit:
    """A page that was opened, and what it did behind its visitor's back."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def dialog(self, dialog: Dialog) -> None:
        """Close a dialog that the page opened."""
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def violations(self, scheme: Scheme) -> list[str]:
        """Return what axe finds wrong with the page for people who see, hear or move differently."""
        self.page.emulate_media(color_scheme=scheme)
        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}" for each in found]


@contextmanager
def visiting(url: str) -> Iterator[Visit]:
    """Open a page in a browser of its own."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=installed("chromium"), args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(WITHIN * 1000)  # pictures are pages of 13 MB
        visit = Visit(page)
        page.on("console", lambda said: visit.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("dialog", visit.dialog)
        page.on("request", lambda request: visit.requests.append(request.url))
        page.goto(url)
        try:
            yield visit
        finally:
            chromium.close()
