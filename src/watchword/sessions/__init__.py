"""Tokens, cookies and the one gate that reads sessions."""
