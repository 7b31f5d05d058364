"""Capabilities, one folder each."""
