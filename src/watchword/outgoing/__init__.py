"""Calls to other services: https to public addresses alone, bounded in time and size; the keys that they publish."""
