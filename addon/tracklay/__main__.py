"""Runs the `tracklay` command as `python -m tracklay`."""

import sys

from .cli.main import main

sys.exit(main())
