"""Work lists: rows of a picture, a cue and a model. Each take is generated once, even if the list runs again or on many machines."""
