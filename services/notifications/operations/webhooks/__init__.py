"""What can be done with webhooks. Who is told what: `endpoints.py`; what became of it: `deliveries.py`; on its way:
`outgoing.py` and `send.py`; what keeps it from being stuck: `upkeep.py`."""
