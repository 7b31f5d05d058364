"""One app with every guard and every kind of handler, in each framework; `tests/web/cases.py` says what it answers."""
