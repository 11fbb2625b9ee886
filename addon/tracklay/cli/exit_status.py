"""Exit statuses of every command: a contract with scripts and farms."""

EXIT_DONE = 0
"""Everything was made and laid."""

EXIT_FAILED = 1
"""Something failed; what succeeded is kept and listed."""

EXIT_BAD_INPUT = 2
"""Wrong usage or input; nothing was sent."""

EXIT_INTERRUPTED = 130
"""Interrupted by the user: 128 plus the number of SIGINT, as shells report it. The work can be resumed."""
