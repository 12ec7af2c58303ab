"""The compose deployment's own test; see `test` in this folder."""
