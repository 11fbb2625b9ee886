"""DaVinci Resolve as an editor: reads its open timeline, lays takes in it. The only package that knows Resolve."""
