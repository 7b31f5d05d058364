"""Auth0: access tokens, ID tokens, and the session cookies of its SDKs."""
