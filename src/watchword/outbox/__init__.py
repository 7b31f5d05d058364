"""Mail as rows of the transaction that wants it sent, delivered after the commit."""
