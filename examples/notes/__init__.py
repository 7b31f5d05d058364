"""A small app: people keep private notes, and an admin sees who they are."""
