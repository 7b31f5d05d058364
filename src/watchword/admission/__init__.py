"""Proof, Attempt and the one door to a session."""
