"""What admins do with accounts: list, make, change, shut."""
