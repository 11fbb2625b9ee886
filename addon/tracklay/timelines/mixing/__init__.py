"""Mixes timelines: collects the sounds of a scene (`scene`, `media_scene`), and writes the files of `tracklay mix` (`delivery`)."""
