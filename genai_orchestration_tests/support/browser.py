"""A headless Chromium for tests: Debian's, else the one that Playwright has installed."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Error, Page, expect, sync_playwright

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
PATIENCE = 60_000  # milliseconds until something is seen, on a machine that is busy


@contextlib.contextmanager
def chromium() -> Iterator[Page]:
    """A new page; without any Chromium the test is skipped, and in CI it fails."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=ARGUMENTS
            )
        except Error as error:
            if os.environ.get("CI"):
                raise
            reason = str(error).splitlines()[0]
            pytest.skip(f"No Chromium: install Debian's `chromium` package. {reason}")
        with contextlib.closing(browser):
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            page.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            yield page
