"""Where takes lie and what they are called: a channel for each kind of sound, above the picture."""
