"""Ground floor: errors, ids, clock, secrets, encodings, settings. No I/O, imports nothing of ours."""
