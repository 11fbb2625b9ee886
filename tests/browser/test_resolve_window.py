"""The window for Resolve in a real browser: read, generated, heard and kept by keys alone; refused without its key."""

from __future__ import annotations

import threading
from fractions import Fraction

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from tracklay.providers import base
from tracklay.resolve import selftest
from tracklay.resolve.window.server import WindowServer
from tracklay.resolve.window.session import WindowSession

from tests.browser.chromium import complaints, look_like
from tests.clips import flash_clip
from tests.fakes import click_model
from tests.fakes.resolve import Item, Media, launch
from tests.resolve.test_window import PARAMETERS


@pytest.fixture
def window(tmp_path, home):
    """The server of a window over a timeline with two clips to read, one to render and one offline, and the fake Resolve."""
    (home / "models").mkdir()
    (home / "models" / "clicker.toml").write_text(click_model.MODEL + PARAMETERS)
    base.register("clicker", click_model.Clicker)
    media = flash_clip(tmp_path / "clip.mp4", Fraction(24), 120, (4, 30, 77))
    app = launch()
    shown = app._open("Reel 1, conform")
    source, offline = Media(app, str(media)), Media(app, str(media))
    offline._offline = True
    places = (
        (0, 48, source, {"name": "sh010 hammer"}),
        (48, 40, source, {"name": "sh020 <b>door</b>", "source_start": 48}),
        (88, 30, source, {"name": "sh030 ramp", "ramp": True}),
        (118, 30, offline, {"name": "sh040"}),
    )
    shown._selected = [shown._put(Item(app, each, 86_400 + at, frames, **facts)) for at, frames, each, facts in places]
    session = WindowSession(app)
    session.refresh()
    with WindowServer(session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server, app
        server.shutdown()
        thread.join()
        for each in session._threads:
            each.join()


def texts(driver, selector: str) -> list[str]:
    """Return the texts of elements."""
    return [each.text for each in driver.find_elements(By.CSS_SELECTOR, selector)]


def press(driver, *keys: str) -> None:
    """Press keys, one after another, wherever the focus is."""
    for key in keys:
        ActionChains(driver).send_keys(key).perform()


def wait_until(driver, condition):
    """Wait for a condition of the page."""
    return WebDriverWait(driver, 30).until(condition)


def test_generate_is_pressed_while_the_price_is_asked_for(window, chromium):
    """The price that is shown is sent with the request, and nothing is refused if it is still right."""
    server, _ = window
    chromium.get(server.address)
    wait_until(chromium, lambda driver: "free" in driver.find_element(By.ID, "price").text)
    for box in chromium.find_elements(By.CSS_SELECTOR, "#cues input:enabled")[1:]:
        box.click()
    Select(chromium.find_element(By.ID, "model")).select_by_value("clicker/clicks")
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "price").text == "1 take, 2 s: free")
    chromium.execute_script(
        "const ask = fetch; window.fetch = (url, ...rest) => `${url}`.includes('estimate') ? new Promise(() => {}) : ask(url, ...rest);"
    )
    chromium.find_element(By.ID, "prompt").send_keys("rain", Keys.TAB)
    ActionChains(chromium).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    wait_until(chromium, lambda driver: texts(driver, "#takes .name") == ["Reel 1, conform.clicker-clicks.take1.wav"])


def test_a_take_is_made_heard_and_kept_by_keys_alone(window, chromium):
    """No console message, nothing fetched from elsewhere, the users' names shown as letters."""
    server, app = window
    chromium.get(server.address)
    wait_until(chromium, lambda driver: "free" in driver.find_element(By.ID, "price").text)
    assert chromium.current_url == f"{server.origin}/"
    assert texts(chromium, "#cues b") == ["sh010 hammer", "sh020 <b>door</b>", "sh030 ramp", "sh040"]
    assert texts(chromium, "#cues small")[0] == "Resolve renders it first: its speed changes within the clip."
    assert texts(chromium, "#cues small")[1].startswith("Its media is offline:")
    # By keys: past the header, untick all but the first clip, choose the model, write, generate.
    boxes = chromium.find_elements(By.CSS_SELECTOR, "#cues input:enabled")
    press(chromium, *[Keys.TAB] * 4)
    assert chromium.switch_to.active_element.get_attribute("id") == "read"
    press(chromium, Keys.TAB, Keys.TAB)
    assert chromium.switch_to.active_element == boxes[1]
    press(chromium, " ", Keys.TAB, " ", Keys.TAB)
    assert chromium.switch_to.active_element.get_attribute("id") == "model"
    Select(chromium.switch_to.active_element).select_by_value("clicker/clicks")
    press(chromium, Keys.TAB, "hammer on metal")
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "price").text == "1 take, 2 s: free")
    # On to the model's parameters, which open by key; what is out of range is a sentence.
    press(chromium, *[Keys.TAB] * 4, " ", Keys.TAB, "99", Keys.TAB)
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "price").text.startswith("steps: "))
    assert not chromium.find_element(By.ID, "generate").is_enabled()
    ActionChains(chromium).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    press(chromium, Keys.BACKSPACE, "30", Keys.TAB)
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "generate").is_enabled())
    press(chromium, Keys.TAB, " ")  # past the style: score the takes
    ActionChains(chromium).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    wait_until(chromium, lambda driver: texts(driver, "#takes .name") == ["Reel 1, conform.clicker-clicks.take1.wav"])
    assert "score " in texts(chromium, "#takes .detail")[0]
    chromium.find_element(By.CSS_SELECTOR, "#takes .play").send_keys(Keys.SPACE)
    wait_until(
        chromium, lambda driver: driver.execute_script("return document.getElementById('player').currentTime > 0.05")
    )
    press(chromium, "k")
    wait_until(chromium, lambda driver: driver.find_element(By.CSS_SELECTOR, "#takes .keep").text == "Kept")
    (item,) = [item for track in app._timeline._tracks["audio"] for item in track._items]
    assert (item._start, item._frames) == (86_400, 48)
    loaded = chromium.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert all(name.startswith((server.origin, "blob:", "data:")) for name in loaded)


def test_the_self_test_from_the_window(window, chromium, monkeypatch):
    """As from the terminal, for editions that answer no terminal: each finding with its mark; the timeline is open again."""
    monkeypatch.setattr(selftest, "make_clip", lambda path: flash_clip(path, Fraction(24), 48, (4,)))
    server, app = window
    shown = app._timeline
    chromium.get(server.address)
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "model").is_displayed())
    press(chromium, Keys.TAB, Keys.ENTER)
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "findings").is_displayed())
    found = texts(chromium, "#checks li")
    assert "ok\nsound lands on its frames\nframe 86410, 24 frames, track 2" in found
    assert not any(each.startswith("wrong") for each in found)
    press(chromium, Keys.ENTER)
    assert not chromium.find_element(By.ID, "findings").is_displayed()
    assert app._timeline is shown


def test_a_page_without_the_key_says_so(window, chromium):
    """The address works once; a reload keeps the window, another tab does not have it."""
    server, _ = window
    chromium.get(server.address)
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "model").is_displayed())
    chromium.refresh()
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "model").is_displayed())
    chromium.switch_to.new_window("tab")
    chromium.get(server.origin)
    wait_until(chromium, lambda driver: "This window has no key." in driver.find_element(By.ID, "message").text)
    assert not chromium.find_element(By.ID, "model").is_displayed()
    chromium.close()
    chromium.switch_to.window(chromium.window_handles[0])


def test_a_foreign_page_cannot_reach_it(window, chromium, tmp_path):
    """Neither reading nor posting: the browser and the server both refuse."""
    server, _ = window
    foreign = tmp_path / "foreign.html"
    foreign.write_text("<!doctype html><title>foreign</title>")
    chromium.get(foreign.as_uri())
    script = """
        const done = arguments[1];
        fetch(arguments[0] + "/api/session", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } })
          .then(() => done("read"), () => done("refused"));
    """
    assert chromium.execute_async_script(script, server.origin) == "refused"
    assert server.token
    assert all("blocked by CORS" in each or "Failed to load" in each for each in complaints(chromium))


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (700, False)])
def test_nothing_is_cut_off_at_any_width(window, chromium, width, dark):
    """In light, dark and narrow: no element is wider than the page, and every control has a name."""
    server, _ = window
    look_like(chromium, width=width, height=900, dark=dark)
    chromium.get(server.address)
    wait_until(chromium, lambda driver: driver.find_element(By.ID, "price").text)
    Select(chromium.find_element(By.ID, "model")).select_by_value("clicker/clicks")
    chromium.find_element(By.CSS_SELECTOR, "#more summary").click()
    wide = chromium.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    unnamed = chromium.execute_script("""
        return [...document.querySelectorAll("button, select, input, textarea")]
          .filter((each) => !(each.textContent.trim() || each.getAttribute("aria-label") || each.labels?.length)).length
    """)
    assert unnamed == 0
