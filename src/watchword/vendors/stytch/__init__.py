"""Stytch: session JWTs."""
