"""The offline engine: sees events in the picture, makes sound, writes music. Pure numpy, no network, no key."""
