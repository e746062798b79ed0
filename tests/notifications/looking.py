"""A browser looks at pages: `python -m tests.notifications.looking CHROMIUM FOLDER`. Exit 1 and what axe finds."""

import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import sync_playwright


def main(chromium: str, folder: Path) -> int:
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for file in sorted(folder.glob("*.html")):
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    color_scheme=scheme, viewport={"width": 360, "height": 740}, bypass_csp=True
                )
                page = context.new_page()
                page.goto(f"file://{file}")
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > 360:
                    found.append(f"{file.name} ({scheme}) is {wide} px wide on a phone")
                for violation in Axe().run(page).response["violations"]:
                    if file.stem == "mail" and violation["impact"] not in ("serious", "critical"):
                        continue  # landmarks are the mail reader's: a message is an article in its page
                    nodes = [node["html"][:150] for node in violation["nodes"][:3]]
                    found.append(f"{file.name} ({scheme}): {violation['impact']} {violation['id']} {nodes}")
                if file.stem == "progress" and scheme == "light":
                    page.pdf(path=str(folder / "progress.pdf"), format="Letter", prefer_css_page_size=False)
                context.close()
        browser.close()
    sys.stdout.write("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2])))
