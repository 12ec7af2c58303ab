"""Mails: their words, their calendar entry, and the way to the mail server. Nothing here knows the database."""
