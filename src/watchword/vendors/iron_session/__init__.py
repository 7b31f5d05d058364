"""Cookies that iron-session sealed."""
