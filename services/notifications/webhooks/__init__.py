"""Webhooks on the wire: addresses that may be called, one bounded request, signatures by Standard Webhooks."""
