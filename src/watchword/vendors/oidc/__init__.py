"""Any OpenID Connect provider: Keycloak, Entra, Cognito, Okta and others."""
