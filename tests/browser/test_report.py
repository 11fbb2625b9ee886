"""The report in a real browser, from disk: it shown, played, filtered, sorted, and judged by keys alone."""

from __future__ import annotations

import base64
import json
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from tracklay import report
from tracklay.batch import results as batch_results
from tracklay.batch import worklist_loader
from tracklay.report import page as page_module
from tracklay.report import read_verdicts
from tracklay.report.verdicts import Verdict

from tests.browser.chromium import awaited, look_like
from tests.mix.made_scenes import write_wav
from tests.report.runs import FLASHES, HOSTILE, RATE

SAMPLE_RATE = 48_000

SEEK_AND_LOOK = """
    // How bright the picture is on each of these frames, asked for at its middle.
    const [frames, rate] = given, video = document.getElementById("player");
    const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    video.pause();
    const found = [];
    for (const frame of frames) {
      const shown = new Promise((resolve) => video.requestVideoFrameCallback((_, metadata) => resolve(metadata)));
      video.currentTime = (frame + 0.5) / rate;
      const metadata = await shown;
      pen.drawImage(video, 0, 0, 8, 8);
      const pixels = pen.getImageData(0, 0, 8, 8).data;
      found.push([metadata.mediaTime, pixels.reduce((sum, value, index) => sum + (index % 4 === 3 ? 0 : value), 0) / 192]);
    }
    return found;
"""

DECODE = """
    // The samples at which the player's own sound peaks, as this browser decodes the file.
    const text = JSON.parse(document.getElementById("data").textContent).rows[given[0]].media.split(",")[1];
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const sound = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(bytes.buffer);
    const level = sound.getChannelData(0).map(Math.abs), found = [];
    for (let at = 0; at < level.length; at++) {
      if (level[at] < 0.2) continue;
      let peak = at;
      for (let i = at; i < at + 1000; i++) if (level[i] > level[peak]) peak = i;
      found.push(peak);
      at += 4000;
    }
    return [found, sound.length];
"""

NOTE_FILES = """
    // The page's policy lets nothing read the player's address: what it plays is noted when the address is made.
    const make = URL.createObjectURL.bind(URL);
    window.made = {};
    URL.createObjectURL = (file) => { const url = make(file); window.made[url] = file; return url; };
"""

PLAYED = """
    // Which file of the chosen row the player has, by its bytes.
    const name = document.querySelector("#rows [aria-current] .name b").textContent;
    const row = JSON.parse(document.getElementById("data").textContent).rows.find((each) => each.name === name);
    const played = new Uint8Array(await window.made[document.getElementById("player").src].arrayBuffer());
    const files = Object.entries({ media: row.media, ...row.mixes });
    const same = (url) => atob(url.split(",")[1]) === Array.from(played, (byte) => String.fromCharCode(byte)).join("");
    return files.filter(([, url]) => same(url)).map(([name]) => name).join(", ");
"""

CONTRAST = """
    // The least that any words stand out from their ground, and which.
    const light = (colour) => {
      const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
      const [red, green, blue] = colour.match(/[0-9.]+/g).map((value) => linear(value / 255));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = (element) => {
      for (let each = element; each; each = each.parentElement) {
        const colour = getComputedStyle(each).backgroundColor;
        if (!colour.endsWith(", 0)")) return colour;
      }
      return "rgb(255, 255, 255)";
    };
    for (const each of document.getAnimations()) each.finish();
    const words = "h1, h2, dt, dd, label, button, select, .summary, .name b, .name span, .origin span, .state, .sync, .keys";
    return Array.from(document.querySelectorAll(words)).filter((each) => each.offsetParent && !each.disabled).map((each) => {
      const [low, high] = [light(getComputedStyle(each).color), light(ground(each))].sort((a, b) => a - b);
      return [(high + 0.05) / (low + 0.05), each.className + " " + each.textContent.slice(0, 20)];
    }).sort((a, b) => a[0] - b[0])[0];
"""


def press(driver, *keys) -> None:
    """Press keys, one after another."""
    for key in keys:
        ActionChains(driver).send_keys(key).perform()


def shown(driver) -> list[str]:
    """Return the names of the rows in and near the window, from the top."""
    script = """
        const place = (element) => Number(element.getAttribute("aria-posinset"));
        const rows = [...document.querySelectorAll("#rows li")].sort((a, b) => place(a) - place(b));
        return rows.map((each) => each.querySelector(".name b").textContent);
    """
    return list(driver.execute_script(script))


def chosen(driver) -> str:
    """The name of the chosen row."""
    return str(driver.execute_script("return document.querySelector('#rows [aria-current] .name b').textContent"))


def waveform(driver, row: int) -> int:
    """How many pixels of a row's drawing have a colour."""
    script = """
        const canvas = document.querySelectorAll('#rows canvas')[arguments[0]];
        if (!canvas.width) return 0;
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return pixels.filter((value, index) => index % 4 === 3 && value).length;
    """
    return int(driver.execute_script(script, row))


def test_the_users_text_is_shown_unchanged(page, chromium):
    """Tags in a prompt are letters; no script of theirs runs, no dialog opens, nothing is fetched."""
    lines = [each.text for each in chromium.find_elements(By.CSS_SELECTOR, "#rows .summary")]
    assert lines == ["metal door", HOSTILE, "wooden door", "no credit left"]
    press(chromium, Keys.ARROW_DOWN)
    facts = chromium.find_element(By.ID, "facts").text
    assert HOSTILE in facts
    totals = chromium.find_element(By.CSS_SELECTOR, "header .totals").text.split("\n")
    assert totals[:6] == ["rows", "4", "takes", "3", "in sync", "3 of 3"]
    loaded = chromium.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert all(name.startswith(("data:", "blob:")) for name in loaded)


def test_each_row_has_a_strip_and_a_drawing(page, chromium):
    """Waveforms and motion are drawn when a row is near the window; the failed row has its picture's motion."""
    WebDriverWait(chromium, 20).until(lambda driver: all(waveform(driver, row) > 100 for row in range(4)))
    sizes = chromium.execute_script("return [...document.querySelectorAll('#rows img')].map(each => each.naturalWidth)")
    assert sizes == [768] * 4


def test_filters_and_sorting(page, chromium):
    """By words, state, model and verdict; by price and name; what is chosen stays among what is seen."""
    find = chromium.find_element(By.ID, "find")
    press(chromium, "/")
    find.send_keys("DOOR wood")
    assert shown(chromium) == ["third"]
    assert chosen(chromium) == "third"
    assert chromium.find_element(By.ID, "count").text == "1 of 4 rows, 0 judged"
    find.clear()
    Select(chromium.find_element(By.ID, "by-state")).select_by_visible_text("failed")
    assert shown(chromium) == ["third"]
    assert chromium.find_element(By.ID, "problems").text == "no credit left"
    Select(chromium.find_element(By.ID, "by-state")).select_by_index(0)
    Select(chromium.find_element(By.ID, "by-model")).select_by_visible_text("clicker/clicks")
    assert shown(chromium) == ["first", "second"]
    Select(chromium.find_element(By.ID, "by-model")).select_by_index(0)
    order = Select(chromium.find_element(By.ID, "sort"))
    order.select_by_value("price")
    assert shown(chromium)[0] == "third"
    order.select_by_value("length")
    assert shown(chromium)[0] == "second"
    order.select_by_value("given")
    assert shown(chromium) == ["first", "second", "third", "third"]
    press(chromium, Keys.HOME, "k")
    verdict = Select(chromium.find_element(By.ID, "by-verdict"))
    verdict.select_by_value("keep")
    assert shown(chromium) == ["first"]
    verdict.select_by_value("none")
    assert shown(chromium) == ["second", "third", "third"]


def test_verdicts_are_given_and_saved_by_keys_for_batch(page, made, run, chromium, downloads):
    """Keep, reject, note, save: a file of verdicts. Opened again, the page still knows them."""
    press(chromium, "k")
    assert chosen(chromium) == "second"
    press(chromium, Keys.ENTER)
    press(chromium, "t", "o", "o", " ", "k", "e", "e", "n")
    press(chromium, Keys.ESCAPE, "r")
    assert chosen(chromium) == "third"
    press(chromium, "k", Keys.ARROW_UP, "u")
    press(chromium, "s")
    saved = downloads / "the-run.verdicts.json"
    WebDriverWait(chromium, 20).until(lambda _: saved.exists())
    assert read_verdicts(saved) == [Verdict("sh001", 1, "keep", ""), Verdict("sh002", 1, "reject", "too keen")]
    work = made.with_name("work.csv")
    work.write_text("id,picture\n" + "".join(f"{row['id']},{row['picture']}\n" for row in run["rows"][:3]))
    applied = {("sh001", 1): ("keep", ""), ("sh002", 1): ("reject", "too keen")}
    assert batch_results.read_worklist_verdicts(saved, worklist_loader.load_worklist(work)) == applied
    chromium.refresh()
    words = [each.text for each in chromium.find_elements(By.CSS_SELECTOR, "#rows .verdict")]
    assert words == ["kept", "rejected ✎", "", ""]


def test_a_saved_file_can_be_loaded(page, chromium, tmp_path):
    """On another machine: Open reads a file; one that is no such file is refused and changes nothing."""
    path = tmp_path / "verdicts.json"
    path.write_text(
        json.dumps({"tracklay": "0.1.0", "verdicts": [{"row": "sh003", "take": 1, "verdict": "reject", "note": ""}]})
    )
    chromium.find_element(By.ID, "file").send_keys(str(path))
    WebDriverWait(chromium, 20).until(lambda _: chromium.find_element(By.ID, "count").text == "4 rows, 1 judged")
    path.write_text("{}")
    chromium.find_element(By.ID, "file").send_keys(str(path))
    WebDriverWait(chromium, 20).until(lambda driver: driver.switch_to.alert).accept()
    assert chromium.find_element(By.ID, "count").text == "4 rows, 1 judged"


def test_picture_and_take_are_in_sync_as_the_browser_decodes_them(page, chromium):
    """Seeking shows the flashes on their frames alone; the sound of the same file clicks on those frames' own times."""
    wanted = [frame + by for frame in FLASHES for by in (-1, 0, 1)]
    looked = awaited(chromium, SEEK_AND_LOOK, wanted, float(RATE))
    assert [frame for frame, (_, level) in zip(wanted, looked, strict=True) if level > 128] == list(FLASHES)
    assert all(time == pytest.approx(frame / RATE, abs=1e-3) for frame, (time, _) in zip(wanted, looked, strict=True))
    heard, length = awaited(chromium, DECODE, 0)
    assert len(heard) == len(FLASHES)
    # AAC smears a click over its block's window, whose peak stays within a millisecond.
    assert all(abs(at - flash / RATE * SAMPLE_RATE) < 48 for at, flash in zip(heard, FLASHES, strict=True))
    assert length >= 2 * SAMPLE_RATE


def test_it_plays_to_the_end_and_the_clock_stands_on_the_last_frame(page, chromium):
    """Space plays; the clock is the picture's timecode; the arrows go by one frame."""
    press(chromium, " ")
    WebDriverWait(chromium, 60).until(
        lambda driver: driver.execute_script("return document.getElementById('player').ended")
    )
    assert chromium.find_element(By.ID, "clock").text == "00:00:01:24"
    press(chromium, Keys.ARROW_LEFT)
    WebDriverWait(chromium, 20).until(lambda driver: driver.find_element(By.ID, "clock").text == "00:00:01:23")


def test_media_beside_the_page_plays_too(run, tmp_path, chromium, monkeypatch):
    """A large report's files are found from disk under the page's policy."""
    monkeypatch.setattr(page_module, "SELF_CONTAINED_BYTES", 0)
    chromium.get(report.write_report(run, tmp_path / "large #2").as_uri())
    WebDriverWait(chromium, 20).until(
        lambda driver: driver.execute_script("return document.getElementById('player').readyState >= 2")
    )
    sizes = "return [...document.querySelectorAll('#rows img')].map(each => each.naturalWidth)"
    WebDriverWait(chromium, 20).until(lambda driver: driver.execute_script(sizes) == [768] * 4)


def test_the_mix_is_heard_in_place_of_the_take_and_each_stem_alone(run, tmp_path, chromium):
    """By the list and by M, from the same instant; a row without a mix has neither. Rows are sorted by what was measured."""
    rows = [dict(row) for row in run["rows"]]
    for row, measures in zip(rows, [(-24.0, -3.0, 9.0), (-16.0, -6.0, 12.0)], strict=False):
        folder = Path(row["folder"])
        with wave.open(str(folder / row["take"]["file"])) as take:
            length = take.getnframes()
        for name, level in (("mix.wav", 0.2), ("music.wav", 0.05)):
            write_wav(folder / name, np.tile(np.array([level, -level], np.float32), length // 2))
        row["mix"] = {"sound": "mix.wav", "stems": {"music": "music.wav"}}
        row["mix"] |= dict(zip(("lufs", "true_peak", "dialogue_over_music"), measures, strict=True))
    chromium.get(report.write_report({**run, "rows": rows}, tmp_path).as_uri())
    sounds = Select(chromium.find_element(By.ID, "version"))
    assert [option.text for option in sounds.options] == ["take", "mix", "music alone"]
    chromium.execute_script(NOTE_FILES)
    press(chromium, "m")
    assert (awaited(chromium, PLAYED), sounds.first_selected_option.text) == ("mix", "mix")
    sounds.select_by_value("music")
    assert awaited(chromium, PLAYED) == "music"
    press(chromium, "m", "m")
    assert (awaited(chromium, PLAYED), sounds.first_selected_option.text) == ("media", "take")
    for order, first in (("lufs", "second"), ("true_peak", "first"), ("dialogue_over_music", "first")):
        Select(chromium.find_element(By.ID, "sort")).select_by_value(order)
        assert shown(chromium)[:2] == [first, "second" if first == "first" else "first"], order
    press(chromium, Keys.END)
    assert not chromium.find_element(By.ID, "version").is_displayed()


def test_it_fits_its_window_and_can_be_read_in_light_and_dark(page, chromium):
    """Nothing runs out to the right; all words stand out from their ground by 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    for width in (1440, 900, 420):
        for dark in (False, True):
            look_like(chromium, width=width, height=900, dark=dark)
            assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
            least, where = awaited(chromium, CONTRAST)
            assert least >= 4.5, f"{where} at {width}, {'dark' if dark else 'light'}"


def test_of_two_thousand_rows_only_those_near_the_window_are_elements(run, tmp_path, chromium):
    """The last one is one key away, whole and drawn; words are found among all."""
    many = [{**run["rows"][n % 4], "id": f"row{n}"} for n in range(2000)]
    chromium.get(report.write_report({**run, "rows": many}, tmp_path / "many").as_uri())
    assert chromium.find_element(By.ID, "count").text == "2,000 rows, 0 judged"
    press(chromium, Keys.END)
    last = chromium.find_element(By.CSS_SELECTOR, "#rows [aria-current]")
    assert last.get_attribute("aria-posinset") == last.get_attribute("aria-setsize") == "2000"
    assert 0 < last.rect["y"] < 900 - 92
    assert last.find_element(By.CSS_SELECTOR, ".summary").text == "no credit left"
    elements = chromium.find_elements(By.CSS_SELECTOR, "#rows li")
    assert len(elements) < 40
    WebDriverWait(chromium, 20).until(lambda driver: all(waveform(driver, n) > 100 for n in range(len(elements))))
    chromium.find_element(By.ID, "find").send_keys("metal")
    assert chromium.find_element(By.ID, "count").text == "500 of 2,000 rows, 0 judged"


def test_the_cue_sheet_prints(made, chromium, tmp_path):
    """As PDF it has A4 pages on their side, with every take and the heading on each page."""
    chromium.get((made.parent / "cue-sheet.html").as_uri())
    printed = tmp_path / "cue-sheet.pdf"
    metadata = chromium.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    printed.write_bytes(base64.b64decode(metadata["data"]))
    text = subprocess.run(["pdftotext", "-layout", printed, "-"], capture_output=True, text=True, check=True).stdout
    for words in ("Cue sheet", "the run", "first, cue 1, take 1", "00:00:02:00", "clicker/clicks", "CC0", "1/1"):
        assert words in text
    about = subprocess.run(["pdfinfo", printed], capture_output=True, text=True, check=True).stdout
    assert "841.89 x 595.276" in about or "(A4)" in about
