"""The documents agree with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tracklay.cli.main import main

ROOT = Path(__file__).parents[1]


def test_the_catalogue_page_is_as_the_catalogue_has_it():
    """`python scripts/docs/models_page.py` was run after the last change to a model."""
    script = [sys.executable, str(ROOT / "scripts" / "docs" / "models_page.py"), "--check"]
    assert subprocess.run(script, check=False).returncode == 0


def test_the_readme_names_every_option_of_lay(capsys):
    """Every option is documented, and every documented option exists."""
    with pytest.raises(SystemExit):
        main(["lay", "--help"])
    real = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme[readme.index("Of `lay`:") : readme.index("Exit status:")]
    assert set(re.findall(r"--[a-z][a-z-]+", table)) == real


def test_the_page_on_batch_names_every_option(capsys):
    """Every option is documented, and every documented option exists."""
    with pytest.raises(SystemExit):
        main(["batch", "--help"])
    real = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    page = (ROOT / "docs" / "batch.md").read_text("utf-8")
    usage = page[page.index("```\n") : page.index("generates the sound")]
    assert set(re.findall(r"--[a-z][a-z-]+", usage)) == real


def test_the_gallery_page_shows_every_picture():
    """`python scripts/docs/screenshots.py` was run after the last change to its captions."""
    script = [sys.executable, str(ROOT / "scripts" / "docs" / "screenshots.py"), "--check"]
    assert subprocess.run(script, check=False).returncode == 0


def test_no_row_of_the_formats_page_is_wrong():
    """`just formats` compared the containers and codecs with what ffmpeg plays."""
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    counts = re.findall(r"^- ffmpeg [\d.]+: (\d+) pairs are right, (\d+) are wrong", page, re.MULTILINE)
    assert len(counts) == 2
    assert all(int(right) > 50 and wrong == "0" for right, wrong in counts)
