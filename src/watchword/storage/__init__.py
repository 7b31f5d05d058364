"""Engine, transactions, migrations: one schema on SQLite and PostgreSQL."""
