"""Programmes: activities under one banner, kept as a template by a site or by an area.

    programme = create_programme(session, principal, body)
    clone_to_site(session, programme.id, site_id, date(2026, 9, 1))     # draft activities at the site
    offered(session, programme.id, site_id)                              # what changed in the template since

**Days** of a template are counted from the programme's first day, times are those on the wall at each site. A clone
begins on the day asked for, or, where the programme has a first weekday, on the first such weekday from then on: what
was on Tuesdays stays on Tuesdays, and nothing happens before the day asked for.

**A site has a programme once**, and the site of whose activities it was made has it from the start: they belong to it.
Whoever wants to hold it again next year makes another programme of this year's activities, which stay with the first.

**Nothing changes at a site without the site.** Later changes of the template are offered; who acts for the site
accepts or declines each. Where the site changed the same thing itself, the offer is marked as a conflict.

Programmes and their clones are read and written in the scope of every site; `authority` says who may.
"""
