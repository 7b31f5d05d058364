"""Apps beside the server: the keys that they hold, and what they ask with them."""
