"""DaVinci Resolve, by a fake that has its traps."""
