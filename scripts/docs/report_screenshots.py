"""Generates the pictures of docs/report.md: runs a batch, writes its report, and takes screenshots in Chromium.

One clip is that of `tracklay demo`, the other is drawn here; the sounds come from the sketch models, and one row fails because its
container is not running. Needs Debian's chromium, chromium-driver and poppler-utils:
`python scripts/docs/report_screenshots.py [FOLDER]`, where FOLDER keeps the files of the run (default: a temporary folder).
"""

from __future__ import annotations

import base64
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from tracklay import report
from tracklay.cli.main import main as tracklay
from tracklay.demo import make_clip

from tests.browser.chromium import browser, complaints, look_like
from tests.clips import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from selenium.webdriver import Chrome

DOCS = ROOT / "docs"
COLOURS = 256
WORK = """\
id,picture,model,prompt,in,out,seed,takes
sh010,ball.mp4,sketch/foley,"rubber ball and a wooden mallet on wood, quiet room",,,1,2
sh010_music,ball.mp4,sketch/music,"playful jazz, piano and bass",,,4,1
sh020,clock.mp4,sketch/foley,"heavy iron pendulum, large hall",,,7,1
sh020_cut,clock.mp4,sketch/foley,"glass marble on stone, rain",96f,168f,8,1
sh030,ball.mp4,sketch/foley,"metal hammer on an anvil",72f,156f,5,1
sh030_model,ball.mp4,cog/mmaudio,"metal hammer on an anvil",72f,156f,5,1
sh040,clock.mp4,sketch/music,"slow strings, tense, minor",,,11,1
"""

WIDTH, HEIGHT, RATE, FRAMES, CUT = 480, 270, 24, 168, 96


def clock(number: int) -> npt.NDArray[np.uint8]:
    """Return a frame in grey: a pendulum, and from frame `CUT` on a marble that falls onto a step."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    if number < CUT:
        angle = 0.9 * math.cos(2 * math.pi * number / 48)
        at = WIDTH / 2 + 190 * math.sin(angle), -20 + 190 * math.cos(angle)
        return np.where(np.hypot(x - at[0], y - at[1]) < 30, 30, 170 - y * 0.3).astype(np.uint8)
    fallen = (number - CUT) % 36
    height = max(0.0, 170 - 0.6 * fallen * fallen) if fallen < 17 else 60 * math.sin((fallen - 17) / 19 * math.pi)
    floor = np.where(y > 230, 90, 40 + y * 0.1)
    return np.where(np.hypot(x - 120 - 3 * (number - CUT), y - 214 + height) < 16, 235, floor).astype(np.uint8)


def picture(path: Path, name: str) -> None:
    """Write a picture to docs/ as a palette image, which is a third of the size."""
    target = DOCS / name
    Image.open(path).convert("RGB").quantize(COLOURS).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Run the batch and take the pictures."""
    with tempfile.TemporaryDirectory(prefix="tracklay-report-") as name:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["TRACKLAY_HOME"] = str(folder / "home")
        os.environ["TRACKLAY_COG_URL"] = "http://127.0.0.1:9"  # no server on this port
        make_clip(folder / "ball.mp4")
        encode(folder / "clock.mp4", map(clock, range(FRAMES)), (WIDTH, HEIGHT), RATE)  # type: ignore[arg-type]
        (folder / "film.csv").write_text(WORK, "utf-8")
        tracklay(["batch", str(folder / "film.csv")])
        results = report.read_report_input(folder / "film.tracklay.results.json")
        page = report.write_report(results, folder / "report", title="film")
        look(page, Path(name))


def script_holds(script: str) -> Callable[[Chrome], bool]:
    """Return a condition for `WebDriverWait`: the script returns true."""
    return lambda driver: bool(driver.execute_script(script))


def look(page: Path, work: Path) -> None:
    """Take the pictures of a report."""
    with browser(work / "profile", work) as driver:
        driver.get(page.as_uri())
        driver.execute_script("document.getElementById('auto').click()")
        ActionChains(driver).send_keys("k", "r", Keys.HOME).perform()
        driver.execute_script("document.getElementById('player').currentTime = 2.5")
        WebDriverWait(driver, 30).until(
            script_holds("return document.getElementById('clock').textContent > '00:00:02'")
        )
        drawn = "return [...document.querySelectorAll('#rows canvas')].slice(0, 4).every(each => each.width !== 300)"
        for name, size, dark in (("report.png", (1440, 900), False), ("report-narrow.png", (900, 1000), True)):
            look_like(driver, width=size[0], height=size[1], dark=dark)
            WebDriverWait(driver, 30).until(script_holds(drawn))
            driver.save_screenshot(str(work / name))
            picture(work / name, name)
        driver.get(page.with_name("cue-sheet.html").as_uri())
        printed = driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
        (work / "sheet.pdf").write_bytes(base64.b64decode(printed["data"]))
        if messages := complaints(driver):
            print("Console messages:", *messages, sep="\n")
    draw = shutil.which("pdftoppm") or "pdftoppm"
    subprocess.run([draw, "-png", "-r", "110", "-singlefile", work / "sheet.pdf", work / "sheet"], check=True)
    picture(work / "sheet.png", "report-cue-sheet.png")


if __name__ == "__main__":
    main()
