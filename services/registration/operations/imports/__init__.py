"""Imports: a file comes in parts, is checked row by row, and only then applied.

    uploads.py     a file begins, its parts arrive in any order and again, its people ask for the check, the applying
    steps.py       the worker: one claimed part after the other, in slices, each with its progress in one commit
    checking.py    what is wrong with a slice, before anything changes
    applying.py    a slice becomes people, by the identity rules and locks of a sign-up
    volunteers.py  and volunteers, with what they told and agreed to on paper
    rosters.py     or members of teams
    past.py        or records of service in past years, after a second person has looked at them
    copying.py     rows on their way into the database
    repeats.py     rows of one file that say the same
    preview.py     the first rows as they were read, for who is to approve them
    faults.py      what was found, shown

A worker may be killed at any moment: nothing is lost and nothing done twice, because what a slice did and how far it
came are one commit. A part is a few hundred kilobytes, and no more than one is in memory.
"""
