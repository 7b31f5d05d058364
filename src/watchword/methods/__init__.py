"""Sign-in methods, one folder each."""
