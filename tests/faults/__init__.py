"""Fault injection: the running system is loaded, killed and frozen; then the books are done.

    python -m tests.faults --seconds 60 --seed 7

What each part does: `scene` makes sites and shifts, `load` signs people up and keeps a `ledger` of what was
acknowledged, `chaos` kills, `quiet` waits, `books` compares databases, reports and mails with the ledger and with
each other, `summary` prints. `sabotage/` holds deliberately broken builds, which the books must see.
"""
