"""Other systems whose sessions are accepted: one folder each, with the rules in `trust.py`; what they share beside it."""
