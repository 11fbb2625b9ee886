"""Decodes what plays on the frames of a span: by the plan of one source, or of several sources joined."""
