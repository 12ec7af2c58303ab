"""What the three services share: the event pipeline, HTTP conventions, settings. It knows none of them."""
