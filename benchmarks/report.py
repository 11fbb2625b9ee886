"""Measures a report: writing it, opening it with 2,000 rows in Chromium, scrolling it, and the sync of picture and take in playback.

    python benchmarks/report.py [ROWS]

Writing is given as a ratio to decoding the same picture once with ffmpeg. Scrolling is given as frame times, beside that of an
empty page in the same run, and as the processor time of the page's own thread, since other programs may share the machine. In
play, each flash of a clip is met by a click of its take: how far apart the two are on the browser's own clocks, and whether that grows.
Needs Debian's chromium and chromium-driver.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay import report
from tracklay.providers import base
from tracklay.report import page as page_module

from tests.browser.chromium import awaited, browser
from tests.clips import FFMPEG
from tests.fakes import click_model
from tests.report.runs import flashing, lay, results

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver import Chrome

ROWS = 2000
RATE, FRAMES = Fraction(25), 200
FLASHES = tuple(range(12, FRAMES, 25))
DIFFERENT = 4
"""Takes that are really made; the rows of the large report share them."""

SCROLL = """
    // Scroll down from the top and up from the bottom, 240 pixels a frame (a hard flick), and return the frame times.
    const list = document.getElementById("rows") || document.documentElement, frames = [];
    let last = performance.now();
    for (let n = 0; n < 240; n++) {
      list.scrollTop = n < 120 ? n * 240 : list.scrollHeight - (n - 120) * 240;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
    }
    frames.sort((a, b) => a - b);
    return [frames[120], frames[Math.floor(frames.length * 0.95)], frames[frames.length - 1]];
"""

SIFT = """
    // Filter and sort, until the new layout is visible.
    const result = [];
    for (const [name, value, event] of [["find", "clip 2", "input"], ["find", "", "input"], ["sort", "name", "change"]]) {
      const field = document.getElementById(name), begun = performance.now();
      field.value = value;
      field.dispatchEvent(new Event(event));
      document.getElementById("rows").getBoundingClientRect();
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      result.push(performance.now() - begun);
    }
    return result;
"""

PLAY = """
    // Play with the sound going through a listener that counts samples, and pair each flash shown with the click heard.
    const video = document.getElementById("player"), context = new AudioContext({ sampleRate: 48000 });
    const code = `registerProcessor("ear", class extends AudioWorkletProcessor {
      process([input]) {
        const heard = input[0];
        if (heard && currentFrame > (this.until || 0)) for (let i = 0; i < heard.length; i++) if (Math.abs(heard[i]) > 0.2) {
          this.port.postMessage((currentFrame + i) / sampleRate); this.until = currentFrame + 9600; break;
        }
        return true;
      }
    });`;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const ear = new AudioWorkletNode(context, "ear"), clicks = [], flashes = [], behind = [];
    ear.port.onmessage = (message) => {
      const now = context.getOutputTimestamp();
      clicks.push(message.data * 1000 - now.contextTime * 1000 + now.performanceTime);
    };
    const source = context.createMediaElementSource(video);
    source.connect(ear);
    source.connect(context.destination);
    const canvas = Object.assign(document.createElement("canvas"), { width: 4, height: 4 });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const seen = (_, result) => {
      pen.drawImage(video, 0, 0, 4, 4);
      behind.push((video.currentTime - result.mediaTime) * 1000);
      if (pen.getImageData(0, 0, 1, 1).data[0] > 128) flashes.push([result.mediaTime, result.expectedDisplayTime]);
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
    video.currentTime = 0;
    await context.resume();
    await video.play();
    await new Promise((done) => video.addEventListener("ended", done, { once: true }));
    await new Promise((done) => setTimeout(done, 300));
    behind.sort((a, b) => a - b);
    return { clicks, flashes, behind: [behind[0], behind[behind.length >> 1], behind[behind.length - 1]], frames: behind.length };
"""


def made(folder: Path) -> dict[str, Any]:
    """Takes that click at the flashes of a few clips of eight seconds."""
    (folder / "home" / "models").mkdir(parents=True)
    (folder / "home" / "models" / "clicker.toml").write_text(click_model.MODEL)
    os.environ["TRACKLAY_HOME"] = str(folder / "home")
    base.register("clicker", click_model.Clicker)
    rows = []
    for number in range(DIFFERENT):
        manifest = lay(flashing(folder / str(number), f"clip{number}", RATE, FRAMES, FLASHES))
        rows += results(manifest)["rows"]
    return {"tracklay": "0.1.0", "rows": rows}


def processor(driver: Chrome) -> float:
    """Seconds of processor time that the page's thread has worked."""
    result = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(each["value"] for each in result if each["name"] == "TaskDuration"))


def main() -> None:
    """Measure, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="tracklay-report-") as name:
        folder = Path(name)
        run = made(folder)
        begun = time.perf_counter()
        for row in run["rows"]:
            decode = [FFMPEG, "-v", "error", "-i", row["picture"], "-f", "null", "-"]
            subprocess.run(decode, check=True)
        decoding = time.perf_counter() - begun
        begun = time.perf_counter()
        small = report.write_report(run, folder / "small")
        making = time.perf_counter() - begun
        print(
            f"making a row of {FRAMES / RATE} s: {making / DIFFERENT:.2f} s, {making / decoding:.1f} times a plain decode"
        )
        page_module.SELF_CONTAINED_BYTES = 0
        many = [{**run["rows"][n % DIFFERENT], "id": f"row{n}", "name": f"clip {n}"} for n in range(count)]
        large = report.write_report({**run, "rows": many}, folder / "large")
        with browser(folder / "profile", folder) as driver:
            show(driver, large, count)
            play(driver, small)


def show(driver: Chrome, page: Path, count: int) -> None:
    """Open, scroll and sift a large report."""
    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    driver.get(
        "data:text/html,<title>empty</title><div id=rows style='height:500px;overflow:auto'><div style='height:184000px'>"
    )
    empty = awaited(driver, SCROLL)
    begun = processor(driver)
    driver.get(page.as_uri())
    opened = driver.execute_script("return performance.getEntriesByType('navigation')[0].domComplete")
    print(
        f"{count} rows: {page.stat().st_size / 1e6:.1f} MB, opened in {opened:.0f} ms, {processor(driver) - begun:.2f} s of work"
    )
    begun = processor(driver)
    result = awaited(driver, SCROLL, seconds=300)
    work = (processor(driver) - begun) / 240 * 1000
    print("scrolling, ms a frame: middle {:.1f}, 95th of 100 {:.1f}, longest {:.1f}".format(*result), end="; ")
    print("an empty page: {:.1f}, {:.1f}, {:.1f}".format(*empty), end="; ")
    print(f"work of the page's thread {work:.1f} on average")
    print("filter, unfilter, sort: {:.0f}, {:.0f}, {:.0f} ms".format(*awaited(driver, SIFT, seconds=120)))


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def play(driver: Chrome, page: Path) -> None:
    """Play a take, and pair flashes with clicks."""
    driver.execute_cdp_cmd("Page.enable", {})
    driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})  # for the listener, which is no script of the page's
    with server(page.parent) as address:  # a listener must come from where the page does, and a file comes from nowhere
        driver.get(f"{address}/{page.name}")
        result = awaited(driver, PLAY, seconds=120)
    apart = []
    for flash in FLASHES:
        shown = next((at for media, at in result["flashes"] if abs(media - flash / RATE) < 0.001), None)
        near = min(result["clicks"], key=lambda click: abs(click - (shown or 0)), default=None)
        if shown is not None and near is not None:
            apart.append(near - shown)
    print(
        f"in play: {result['frames']} of {FRAMES} frames shown, {len(result['clicks'])} clicks heard, {len(apart)} flashes seen",
        end="; ",
    )
    if len(apart) > 1:
        half = len(apart) // 2
        drift = statistics.median(apart[-half:]) - statistics.median(apart[:half])
        print(
            f"click after flash, ms: middle {statistics.median(apart):+.1f}, from {min(apart):+.1f} to {max(apart):+.1f}",
            end=", ",
        )
        print(f"second half against first {drift:+.1f}", end="; ")
    print("clock ahead of the frame shown, ms: least {:.1f}, middle {:.1f}, most {:.1f}".format(*result["behind"]))


if __name__ == "__main__":
    main()
