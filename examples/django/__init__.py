"""The small app in Django."""
