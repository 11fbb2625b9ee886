"""Attacks with harmless input: what comes from outside changes nothing but its own result."""
