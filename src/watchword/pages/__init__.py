"""The hosted pages."""
