"""Tests of the provider of Mirelo."""
