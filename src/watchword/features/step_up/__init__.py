"""Going on with a sign-in that needs more, and stepping up one that is too weak or too old."""
