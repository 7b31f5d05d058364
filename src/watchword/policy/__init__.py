"""Guards: the rules on routes and actions."""
