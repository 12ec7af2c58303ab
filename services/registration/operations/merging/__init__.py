"""Doubles: found, made one person, and separated again.

    merge(session, body, by, site_id=None)      # `merged` becomes `survivor`
    undo_merge(session, merge_id, by)           # each row goes back to whom it came from

A merge moves the rows of one person to the other and writes down which (`moves.py`); a row that the survivor already
has one of stays with the merged, who leads to the survivor from then on (`people.merged_into`). Undoing gives back
exactly the rows that were written down. What came after the merge stays with the survivor.

Both on one shift at once: that is one person, who needs one place. The better registration stays (attendance, then
confirmed before offered before waitlisted, then the earlier one), the other is cancelled with the reason `merged`, and
its place is given away. That alone is not undone: places that were given away do not come back. Both in one team: the
better membership stays (`memberships.py`). Two who both came at
the same time are two people, and are not merged.
"""
