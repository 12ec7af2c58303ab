"""Activities and their shifts, one by one or recurring."""
