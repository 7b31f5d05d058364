"""Sign-in with accounts of other services: OAuth 2.0 and OpenID Connect."""
