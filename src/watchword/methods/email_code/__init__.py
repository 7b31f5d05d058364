"""Proof of an e-mail address by a code or a link."""
