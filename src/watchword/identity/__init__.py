"""Users, the identifiers that lead to them, the credentials that prove them."""
