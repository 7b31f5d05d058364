"""Auth0: access tokens and ID tokens."""
