"""The window's server: who may talk to it, and what it does for the page."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import threading
from fractions import Fraction

import httpx
import pytest
from tracklay.paths import tracklay_home
from tracklay.resolve.window.server import WindowServer, serve_window
from tracklay.resolve.window.session import WindowSession

from tests.clips import flash_clip
from tests.fakes.resolve import Item, Media, launch

PARAMETERS = """
[parameters.steps]
type = "integer"
default = 25
minimum = 1
maximum = 50
help = "Steps of the diffusion."

[parameters.style]
type = "choice"
choices = ["dry", "wet"]
help = "Room around the sound."
"""


class Page:
    """What the page sends, and what a foreign one would."""

    def __init__(self, server: WindowServer) -> None:
        self.server, self.key = server, ""

    def send(self, method: str, path: str, body=None, **headers: str):
        """Return status and answer. Headers of None are left out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port)
        known = {"Host": self.server.origin[7:], "Origin": self.server.origin, "Content-Type": "application/json"}
        known |= {"X-Tracklay-Key": self.key} | {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if body is None else json.dumps(body)
        with contextlib.closing(connection):
            connection.request(method, path, content, {name: value for name, value in known.items() if value})
            reply = connection.getresponse()
            data = reply.read()
            is_json = reply.headers["Content-Type"] == "application/json"
            return reply.status, json.loads(data) if is_json else data

    def log_in(self) -> None:
        """Exchange the token for the key."""
        _, answer = self.send("POST", "/api/session", {"token": self.server.token})
        self.key = answer["key"]


@pytest.fixture
def window(tmp_path, home, clicking):
    """A window over a timeline of two clips, and the fake Resolve behind it."""
    media = flash_clip(tmp_path / "clip.mp4", Fraction(24), 60, (4, 30))
    app = launch()
    shown = app._open()
    source = Media(app, str(media))
    shown._selected = [
        shown._put(Item(app, source, 86_400 + at, 24, name=name, source_start=at)) for at, name in ((0, "a"), (24, "b"))
    ]
    session = WindowSession(app)
    session.refresh()
    with WindowServer(session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        page = Page(server)
        yield page, app
        server.shutdown()
        thread.join()
        for each in session._threads:
            each.join()


def test_foreign_pages_and_requests_without_the_key_are_refused(window):
    """By name, by origin, without a token, with a used one, without a key; the page itself holds nothing."""
    page, _ = window
    token = page.server.token
    assert page.send("GET", "/", Host="evil.example")[0] == 403
    assert page.send("GET", "/", Origin="http://evil.example")[0] == 403
    assert page.send("POST", "/api/session", {"token": token}, Origin="http://evil.example")[0] == 403
    assert page.send("POST", "/api/session", {"token": token}, Origin="")[0] == 403
    assert page.send("POST", "/api/session", {"token": token}, Content_Type="text/plain")[0] == 400
    for wrong in ("", "x"):
        assert page.send("POST", "/api/session", {"token": wrong}) == (
            403,
            {"error": "This address works once. Open Tracklay from Resolve's menu again."},
        )
    for path in ("/api/state", "/api/models", "/api/takes/1/audio"):
        assert page.send("GET", path)[0] == 403
    assert page.send("POST", "/api/keep", {"take": 1})[0] == 403
    page.log_in()
    assert page.send("POST", "/api/session", {"token": token})[0] == 403
    assert page.send("GET", "/api/state")[1]["timeline"] == "cut 1"
    status, text = page.send("GET", "/")
    assert status == 200
    assert token.encode() not in text
    assert page.key.encode() not in text
    assert page.send("GET", "/../server.py")[0] == 404
    assert page.send("POST", "/api/unknown", {})[0] == 404


def wait_for(page: Page, state: str):
    """Return the takes once all of them are in a state."""
    for thread in page.server.session._threads:
        thread.join()
    takes = page.send("GET", "/api/state")[1]["takes"]
    assert {take["state"] for take in takes} == {state}, takes
    return takes


def test_takes_are_made_heard_and_kept(window):
    """Priced, generated, heard as WAV; Keep lays one on its clip, and another one of the same clip in its place."""
    page, app = window
    page.log_in()
    state = page.send("GET", "/api/state")[1]
    assert [(cue["id"], cue["start"], cue["seconds"], cue["error"]) for cue in state["cues"]] == [
        ("a", "01:00:00:00", 1.0, ""),
        ("b", "01:00:01:00", 1.0, ""),
    ]
    request = {"cues": ["b"], "model": "clicker/clicks", "prompt": "x", "negative": "", "takes": 2, "seed": 1}
    price = page.send("POST", "/api/estimate", request)[1]
    assert price == {"amount": "0", "currency": "USD", "seconds": 2.0, "takes": 2}
    assert page.send("POST", "/api/generate", {**request, "amount": "5", "currency": "USD"}) == (
        422,
        {"error": "The price has changed. Look at it, and press Generate again."},
    )
    status, answer = page.send("POST", "/api/generate", {**request, **price})
    assert (status, answer) == (200, {"takes": [1, 2]})
    first, second = wait_for(page, "ready")
    assert page.send("GET", f"/api/takes/{first['id']}/audio")[1][:4] == b"RIFF"
    for take, laid in ((first, [True]), (second, [False, True])):
        assert page.send("POST", "/api/keep", {"take": take["id"]}) == (200, {"notes": []})
        items = [item for track in app._timeline._tracks["audio"] for item in track._items]
        assert [(item._start, item._frames, item._enabled) for item in items] == [(86_424, 24, each) for each in laid]
    assert [take["state"] for take in page.send("GET", "/api/state")[1]["takes"]] == ["ready", "kept"]
    app._open("another cut")
    status, answer = page.send("POST", "/api/keep", {"take": first["id"]})
    assert (status, answer["error"]) == (422, "Resolve shows another timeline. Open cut 1 again, then keep the take.")


def test_a_models_parameters_and_the_scores_of_its_takes(window, home):
    """Texts of the page become the model's values, empty ones its defaults; a scored take has its reasons."""
    page, _ = window
    model = home / "models" / "clicker.toml"
    model.write_text(model.read_text() + PARAMETERS)
    page.log_in()
    (listed,) = (each for each in page.send("GET", "/api/models")[1] if each["id"] == "clicker/clicks")
    assert [(each["name"], each["type"], each["default"], each["choices"]) for each in listed["parameters"]] == [
        ("steps", "integer", 25, []),
        ("style", "choice", None, ["dry", "wet"]),
    ]
    request = {"cues": ["a"], "model": "clicker/clicks", "takes": 1, "seed": 1, "best": True}
    price = page.send("POST", "/api/estimate", request)[1]
    for params, sentence in (
        ({"steps": "99"}, "clicker/clicks: steps must be from 1 to 50, not 99."),
        ({"steps": "many"}, "steps must be a whole number, not 'many'."),
        ({"stepz": "1"}, "clicker/clicks has no parameter 'stepz' (did you mean 'steps'?)."),
    ):
        assert page.send("POST", "/api/estimate", {**request, "params": params}) == (422, {"error": sentence})
    wanted = {**request, **price, "params": {"steps": "30", "style": ""}}
    assert page.send("POST", "/api/generate", wanted)[0] == 200
    (take,) = wait_for(page, "ready")
    made = page.server.session._rows[take["id"]].take
    assert made is not None
    assert made.params == {"steps": 30}
    assert take["score"]["value"] == round(made.score["value"])
    assert len(take["score"]["reasons"]) == min(3, len(made.score["reasons"]))


def test_one_take_over_several_clips(window):
    """From the first to the last, across the cut; a part that Resolve must render makes it render the whole."""
    page, app = window
    page.log_in()
    request = {"cues": ["a", "b"], "model": "clicker/clicks", "takes": 1, "seed": 1, "as_one": True}
    price = page.send("POST", "/api/estimate", request)[1]
    assert (price["seconds"], price["takes"]) == (2.0, 1)
    app._timeline._selected[1]._ramp = True
    page.send("POST", "/api/refresh", {})
    page.send("POST", "/api/generate", {**request, **price})
    (take,) = wait_for(page, "ready")
    assert take["cue"] == "cut 1 01:00:00:00-01:00:02:00"
    assert [(each["MarkIn"], each["MarkOut"]) for each in app._project._rendered] == [(86_400, 86_447)]
    assert list((tracklay_home() / "resolve").iterdir()) == []
    assert page.send("POST", "/api/keep", {"take": take["id"]})[0] == 200
    (item,) = [item for track in app._timeline._tracks["audio"] for item in track._items]
    assert (item._start, item._frames) == (86_400, 48)


def test_the_window_ends_when_it_is_closed(window):
    """Its address is announced, and the page's Close ends the command."""
    _, app = window
    addresses: queue.SimpleQueue[str] = queue.SimpleQueue()
    thread = threading.Thread(
        target=serve_window, args=(app,), kwargs={"opens_browser": False, "announce": addresses.put}
    )
    thread.start()
    origin, _, token = addresses.get(timeout=30).partition("/#")
    headers = {"Origin": origin, "Content-Type": "application/json"}
    with httpx.Client(base_url=origin, headers=headers) as client:
        key = client.post("/api/session", json={"token": token}).json()["key"]
        assert client.post("/api/close", json={}, headers={"X-Tracklay-Key": key}).status_code == 200
    thread.join(30)
    assert not thread.is_alive()


def test_what_cannot_be_done_is_a_sentence(window, tmp_path):
    """No clip, no such model, nothing selected, no such take; a folder that cannot be written."""
    page, app = window
    page.log_in()
    request = {"cues": ["a"], "model": "clicker/clicks", "takes": 1, "seed": None}
    for change, sentence in (
        ({"cues": []}, "No clip is chosen. Tick one, or select clips in Resolve and press Read."),
        ({"takes": "two"}, "Takes and seed must be whole numbers."),
        ({"model": "no/model"}, "Unknown model: 'no/model'."),
    ):
        status, answer = page.send("POST", "/api/estimate", {**request, **change})
        assert status == 422
        assert answer["error"].startswith(sentence)
    app._timeline._selected = []
    assert page.send("POST", "/api/refresh", {})[1]["message"].startswith("No clip with picture is selected in cut 1.")
    assert page.send("POST", "/api/keep", {"take": 9})[1]["error"] == "There is no take 9."
    (tmp_path / "tracklay").write_text("a file, where the folder would be")
    page.send("POST", "/api/refresh", {"scope": "all"})
    price = page.send("POST", "/api/estimate", request)[1]
    assert "Not a directory" in page.send("POST", "/api/generate", {**request, **price})[1]["error"]
