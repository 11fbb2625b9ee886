"""A headless Chromium, driven through ChromeDriver. It makes no requests of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # as root there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)


@contextlib.contextmanager
def browser(
    profile: Path, downloads: Path, *, width: int = 1440, height: int = 900, dark: bool = False
) -> Iterator[Chrome]:
    """Give a running one, its window of this size, its downloads in a folder."""
    options = ChromeOptions()
    options.binary_location = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    driver = Chrome(options=options, service=ChromeService(shutil.which("chromedriver") or "chromedriver"))
    try:
        look_like(driver, width=width, height=height, dark=dark)
        yield driver
    finally:
        driver.quit()


def look_like(driver: Chrome, *, width: int, height: int, dark: bool = False) -> None:
    """Make the page as wide and high as that, in light or dark."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def complaints(driver: Chrome) -> list[str]:
    """What stands in the console, of any level: a page of ours says nothing there."""
    return [json.dumps(entry) for entry in driver.get_log("browser")]


def awaited(driver: Chrome, body: str, *arguments: Any, seconds: float = 60) -> Any:
    """Run the body of an async function in the page; what it gives."""
    driver.set_script_timeout(seconds)
    script = f"""
        const done = arguments[arguments.length - 1];
        (async (...given) => {{ {body} }})(...arguments).then(done, error => done("failed: " + error + error.stack));
    """
    answer = driver.execute_async_script(script, *arguments)
    assert not (isinstance(answer, str) and answer.startswith("failed: ")), answer
    return answer
