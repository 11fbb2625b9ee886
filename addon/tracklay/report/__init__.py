"""What came of a run, to be looked at and judged: a page for the browser, a cue sheet, a reel for the director.

Everything shown is measured from the files as they lie there, never taken from what a run said of itself. What a person decides on
the page comes back as a file of verdicts, which `tracklay batch --verdicts` takes up.
"""

from .page import write_report
from .rows import read_report_input
from .verdicts import read_verdicts

__all__ = ["read_report_input", "read_verdicts", "write_report"]
