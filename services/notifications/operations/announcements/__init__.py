"""Announcements: written as drafts, counted, approved, sent to whom registration names, stopped midway.

drafts.py     write, change, copy, find
approval.py   count, submit, approve, stop
sending.py    what the pump does: begin, write down who gets it, end
progress.py   how far it has come

Any change makes it a draft again, whoever approved it. Whom it goes to is asked when it begins, and written down page
by page; a message's id is made of announcement and person, so that nobody gets it twice, whatever is killed in between.
"""
