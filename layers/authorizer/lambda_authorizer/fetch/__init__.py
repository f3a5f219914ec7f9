"""Everything that talks to an issuer or a secret store; nothing here is imported before it is needed."""
