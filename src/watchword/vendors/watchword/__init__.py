"""Watchword itself, elsewhere: tokens that another Watchword signed."""
