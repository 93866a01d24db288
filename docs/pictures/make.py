"""Draw the README's two pictures: the book of a workspace, and the portal of a demonstration.

``python docs/pictures/make.py WORKSPACE``: a folder where ``newstart demo`` was run. It needs
Chromium and the tools for testing (``make test`` installs them).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
SIZE = {"width": 1000, "height": 640}
CHROMIUM = "/usr/bin/chromium"


def book(page: Page, workspace: Path) -> None:
    """The front page, as it opens from disk."""
    index = workspace / "book" / "_build" / "html" / "index.html"
    page.goto(index.resolve().as_uri())
    page.screenshot(path=HERE / "book.png")


def portal(page: Page) -> None:
    """What an invented officer sees who has chosen a name."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "studies").mkdir()
        command = [sys.executable, "-m", "evaluation.cli", "--workspace", folder]
        command += ["portal", "serve", "--demonstration", "--port", "0", "--no-work"]
        serving = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = serving.stdout.readline().strip() if serving.stdout else ""
            page.goto(address)
            page.get_by_role("radio").first.check()
            with page.expect_navigation():
                page.get_by_role("button").last.click()
            page.screenshot(path=HERE / "portal.png")
        finally:
            serving.terminate()
            serving.wait()


def main() -> None:
    """Both pictures, of one size."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        book(page, Path(sys.argv[1]))
        portal(page)
        browser.close()


if __name__ == "__main__":
    main()
