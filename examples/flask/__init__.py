"""The same small app in Flask."""
