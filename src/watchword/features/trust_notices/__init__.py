"""What trusted systems tell us: sessions of theirs that ended."""
