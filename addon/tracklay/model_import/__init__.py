"""Generates a model file from a schema that Replicate, fal or Scenario publishes. Used by the command only."""
