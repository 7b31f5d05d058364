"""Session tokens: a session, signed for a minute, for services that cannot reach the store."""
