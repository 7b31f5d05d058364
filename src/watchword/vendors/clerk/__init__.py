"""Clerk: session tokens of both versions, and their cookies."""
