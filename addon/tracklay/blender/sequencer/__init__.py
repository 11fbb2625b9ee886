"""Reads and edits the Video Sequencer: strips, retiming, placeholders, takes."""
