"""The result for people, and the last line for machines."""

from collections import Counter
from collections.abc import Mapping

from tests.faults.books.mails import reminders_sent, resent
from tests.faults.run import Verdict

LAST = ("lost", "duplicated", "out_of_order", "oversold", "unsent")
SHOWN = 12


def table(verdict: Verdict) -> str:
    """Everything worth knowing, with ids of what is wrong."""
    material, ledger = verdict.material, verdict.material.ledger
    rows = [
        ("seed", verdict.plan.seed),
        ("answers", ", ".join(f"{name} {count}" for name, count in sorted(ledger.told.items()))),
        ("registrations", _counts(Counter(row.status for row in material.registrations.values()))),
        ("messages", _counts(Counter(f"{message.kind} {message.state}" for message in material.messages))),
        ("reminders", _counts(Counter(reminder.state for reminder in material.reminders.values()))),
        ("mails", f"{len(material.mails)}, of them {reminders_sent(material)} reminders; resent={resent(material)}"),
        ("notices", _counts(Counter(f"{notice.kind} {notice.state}" for notice in material.notices))),
        ("announcements", _counts(Counter(row.state for row in material.announcements))),
        ("returned", f"{material.world.returned.total()} mails, {len(material.reports)} reports"),
        (
            "held back",
            _counts(Counter((m.error or "").partition(":")[0] for m in material.messages if m.state == "suppressed")),
        ),
        ("digests", _counts(Counter(row.state for row in material.digests))),
        ("groups", f"told {sum(len(one.posted) for one in material.world.groups.values())} times"),
        ("sms", f"{len(material.world.sms)}, of them {sum(material.world.receipts.values())} delivered"),
        ("webhooks", _counts(Counter(row.state for row in material.webhooks))),
        ("faults", _counts(verdict.injected)),
        ("max lag", f"{verdict.max_lag} events"),
        ("early", verdict.count("early")),
        ("waitlist", verdict.count("waitlist")),
    ]
    others = Counter(finding.kind for finding in verdict.findings)
    rows += [(kind, count) for kind, count in others.items() if kind not in (*LAST, "early", "waitlist")]
    return "\n".join(f"  {name:<18}{value}" for name, value in rows)


def _counts(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"


def complaints(verdict: Verdict) -> str:
    """What was found, a dozen of each kind."""
    lines = []
    for kind in dict.fromkeys(finding.kind for finding in verdict.findings):
        texts = [finding.text for finding in verdict.findings if finding.kind == kind]
        lines += [f"  [{kind}] {text}" for text in texts[:SHOWN]]
        lines += [f"  [{kind}] … and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return "\n".join(lines)


def last_line(verdict: Verdict) -> str:
    """The line that scripts read."""
    found = " ".join(f"{kind}={verdict.count(kind)}" for kind in LAST)
    material = verdict.material
    return f"acked={material.ledger.acked} events={len(material.log)} {found} recovery_s={verdict.recovery_s:.1f}"
