"""Apps that show Watchword at work."""
