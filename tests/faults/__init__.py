"""Fault injection: the running system is loaded, killed and frozen; then the books are done.

    python -m tests.faults --seconds 60 --seed 7

What each part does: `scene` makes sites and shifts, `people` their staff, `load` signs people up and keeps a `ledger`
of what was acknowledged, `announce` writes to all of a site, `chaos` kills, `outside` is the mail server, who reads the
mails and whence they come back, the SMS provider, receivers and chat groups, which misbehave, `hurried` lets what is
put off be tried again within the run, `quiet` waits, `books` compares databases, reports, mails, SMS, posts and
webhooks with the ledger and with each other, `summary` prints. `sabotage/` holds deliberately broken builds, which the
books must see.
"""
