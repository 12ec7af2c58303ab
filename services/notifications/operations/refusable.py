"""Which messages people may refuse.

News that nobody asked for can be refused at any time, at no cost and as easily as it came: MIIT Order 31 of 2015 on
services of short messages, articles 18 and 20, of commercial SMS; Personal Information Protection Law, article 44, of
processing in general; RFC 8058 says how a mail offers it. What answers somebody's own act, or tells that what they were
promised has changed, is part of the service that they asked for, and is told by one channel or the other.
"""

from services.notifications.models import Kind

REFUSABLE = (Kind.REMINDER, Kind.NO_PLACE, Kind.ANNOUNCEMENT)

ORDERED = (
    Kind.CONFIRMATION,
    Kind.WAITLISTED,
    Kind.PROMOTION,
    Kind.OFFER,
    Kind.MOVED_BACK,
    Kind.TRANSFER_DECLINED,
    Kind.TRANSFER_EXPIRED,
    Kind.CANCELLATION,
    Kind.CHANGE,
    *REFUSABLE,
)
"""Those for which a person says which channel comes first: all that SMS may carry."""
