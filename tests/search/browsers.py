"""A real Chromium without a window, and what went wrong in it."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.unrun import BROWSERS

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page


@contextmanager
def chromium(**options: object) -> "Iterator[tuple[Page, list[str]]]":
    """A page, and the list of what its console complained of; whatever opens a dialog counts, too."""
    from playwright.sync_api import sync_playwright

    named = os.environ.get("CETERIS_TEST_BROWSER")
    path = shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)))
    as_root = sys.platform == "linux" and os.getuid() == 0  # Chromium refuses its sandbox to root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if as_root else [])
        page = browser.new_page(**options)  # pyright: ignore[reportArgumentType]
        page.set_default_timeout(60_000)
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

        def dismiss(dialog: "Dialog") -> None:
            complaints.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", dismiss)
        try:
            yield page, complaints
        finally:
            browser.close()
