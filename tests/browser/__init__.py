"""What only a real browser can show: needs Debian's chromium and chromium-driver."""
