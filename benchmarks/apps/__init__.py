"""For each framework: a bare app, and the same app protected, in one process."""
