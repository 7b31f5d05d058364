"""WorkOS: access tokens of AuthKit, and the sealed `wos-session`."""
