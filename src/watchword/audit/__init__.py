"""The event log: who did what from where, in the transaction of the change."""
