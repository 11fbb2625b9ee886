"""What stands in for things that can't be had in a test."""
