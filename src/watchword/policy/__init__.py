"""Guards, the rules on routes and actions; taint, what must not leave for a client."""
