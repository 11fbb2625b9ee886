"""The window for Resolve: a page in the system's browser, served on loopback to one visitor."""
