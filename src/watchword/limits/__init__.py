"""Rate limits and lock-out."""
