"""Fake servers of the hosted APIs, on real sockets: they check each request, and fail on demand. Also a fake model."""
