"""The same small app in FastAPI."""
