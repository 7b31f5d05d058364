"""Recovery codes: a way back for whoever has lost the second factor."""
