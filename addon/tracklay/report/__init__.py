"""Reports of a run: a page for reviewing takes in the browser, a cue sheet, and an audition reel.

All figures are measured from the files themselves, not copied from the result list. The page saves the user's verdicts to a file, which
`tracklay batch --verdicts` reads.
"""

from .page import write_report
from .rows import read_report_input
from .verdicts import read_verdicts

__all__ = ["read_report_input", "read_verdicts", "write_report"]
