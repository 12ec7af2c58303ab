"""Tests of the registration service, on a real database."""
