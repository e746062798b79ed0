"""A real browser, Debian's Chromium by Playwright, and axe-core in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text()
WIDE, PHONE = (1280, 900), (390, 844)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips where there is no Chromium, but fails in CI: there it would hide everything."""
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium: apt-get install chromium")
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """One person at one screen. `complaints` is what the page's console said: a refused script, an error."""

    page: Page
    url: str
    complaints: list[str]

    def go(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def problems(self) -> list[str]:
        """What axe-core finds serious or critical on the page, with where."""
        self.page.evaluate(AXE)
        found: dict[str, Any] = self.page.evaluate("async () => await axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{self.page.url}: {one['id']} ({one['impact']}): {[node['target'] for node in one['nodes']][:3]}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
        ]


@contextmanager
def visit(
    browser: Browser, url: str, name: str, password: str, *, size: tuple[int, int] = WIDE, dark: bool = False
) -> Iterator[Visit]:
    """Sign in as this person."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light", accept_downloads=True
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        page.goto(f"{url}/sign-in")
        page.fill("[name=user]", name)
        page.fill("[name=password]", password)
        page.press("[name=password]", "Enter")
        page.wait_for_selector("h1:has-text('Overview')")
        yield Visit(page, url, complaints)
    finally:
        context.close()
