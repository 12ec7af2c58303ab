"""Runs the whole system on one machine without Docker: servers, processes, mail sink."""
