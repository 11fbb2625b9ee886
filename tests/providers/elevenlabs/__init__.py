"""Tests of the provider of ElevenLabs."""
