"""Descope: session tokens."""
