"""Work lists: rows of a picture, a cue and a model, each made once however often, and wherever, the list is run."""
