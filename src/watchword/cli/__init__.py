"""The watchword command."""
