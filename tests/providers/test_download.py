"""Downloads: resumed, checked, limited, complete or absent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tracklay.errors import (
    OutputError,
    ProviderTimeout,
    ProviderUnavailable,
)
from tracklay.providers.download import download
from tracklay.providers.http import Api
from tracklay.providers.retry import RetryPolicy

from tests.fakes.server import Fault
from tests.providers.example_api import BLOB, api
from tests.providers.provider_flow import FakeSleep, fast_policy, run


def fetch(server, tmp_path, sleep=None, **more):
    """Download the file and return its bytes."""
    to = tmp_path / "got.bin"
    run(download(api(server, sleep), server.url + "/file", to, **more))
    return to.read_bytes()


def test_a_broken_download_goes_on_where_it_stopped(site, tmp_path):
    """After two breaks no byte was requested twice."""
    site.go_wrong("GET /file", Fault("truncate"), Fault("truncate"))
    assert fetch(site, tmp_path) == BLOB
    ranges = [seen.headers.get("range") for seen in site.requests]
    assert ranges == [None, f"bytes={len(BLOB) // 2}-", f"bytes={len(BLOB) // 2 + len(BLOB) // 4}-"]


def test_a_file_that_changed_meanwhile_is_downloaded_again(site, tmp_path):
    """Two halves of different files never become one."""
    site.go_wrong("GET /file", Fault("truncate"))
    sleep = FakeSleep()

    async def change(seconds: float) -> None:
        await sleep(seconds)
        site.app.content, site.app.etag = BLOB[::-1], '"two"'

    to = tmp_path / "got.bin"
    times = fast_policy(sleep)
    changing = replace(times, sleep=change)
    run(download(Api("Example", (site.url,), retry_policy=changing), site.url + "/file", to))
    assert to.read_bytes() == BLOB[::-1]


@pytest.mark.parametrize(("etag", "ranges"), [("", True), ('W/"weak"', True), ('"one"', False)])
def test_where_a_part_cannot_be_trusted_the_whole_file_comes_again(site, tmp_path, etag, ranges):
    """No name for the content, a weak one, or a server that knows no parts."""
    site.app.etag, site.app.ranges = etag, ranges
    site.go_wrong("GET /file", Fault("truncate"))
    assert fetch(site, tmp_path) == BLOB
    assert len(site.requests) == 2


def test_a_download_over_the_limit_is_not_kept(site, tmp_path):
    """It ends before it fills the disk, and leaves nothing."""
    with pytest.raises(ProviderUnavailable, match="not kept"):
        fetch(site, tmp_path, max_bytes=1000)
    assert not list(tmp_path.iterdir())


def test_a_file_of_nothing_is_no_file(site, tmp_path):
    """An empty file is requested again, and is an error in the end."""
    site.app.content = b""
    with pytest.raises(ProviderUnavailable, match="empty"):
        fetch(site, tmp_path)
    assert len(site.requests) == fast_policy().max_attempts["download"]
    assert not list(tmp_path.iterdir())


def test_a_download_that_drips_ends(site, tmp_path):
    """However slowly it comes, there is an end to it, and nothing half is left."""
    site.go_wrong("GET /file", Fault("drip"))
    slow = fast_policy()
    limits = {**slow.attempt_seconds, "download": 0.3}
    short = RetryPolicy(connect_seconds=1, read_seconds=10, attempt_seconds=limits, sleep=slow.sleep, clock=slow.clock)
    with pytest.raises(ProviderTimeout, match="too slow"):
        run(download(Api("Example", (site.url,), retry_policy=short), site.url + "/file", tmp_path / "got.bin"))
    assert not list(tmp_path.iterdir())


def test_redirects_in_circles_end(site, tmp_path):
    """A file's address leads on to the provider's own hosts, but not for ever."""
    site.go_wrong("GET /file", *[Fault("redirect", to="/file")] * 20)
    with pytest.raises(ProviderUnavailable, match="circles"):
        fetch(site, tmp_path)


def test_a_file_that_cannot_be_written_is_an_output_error(site, tmp_path):
    """The fault of the disk is not the network's."""
    with pytest.raises(OutputError):
        run(download(api(site), site.url + "/file", tmp_path / "missing" / "got.bin"))
