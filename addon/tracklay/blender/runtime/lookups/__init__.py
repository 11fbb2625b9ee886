"""What panels show but may not read while they are drawn: threads look it up."""
