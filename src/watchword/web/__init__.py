"""Adapters to web frameworks, one file each."""
