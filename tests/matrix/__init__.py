"""Every route of registration, called by every kind of caller, with real records of a site.

A new route needs no test here, but it needs its records: when its path has a parameter that `samples/` does not know,
say there how to make one; when it takes a body, say what a good one is, because only a good body gets as far as the
record that another site must not find. Then

    WRITE_ROLES=1 .venv/bin/python -m pytest tests/matrix

writes `docs/roles.md`: read the difference. Besides being as documented, the table must obey the rules in `rules.py`.
"""
