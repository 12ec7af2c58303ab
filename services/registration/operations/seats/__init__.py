"""Places of shifts: signing up, waiting, offers, holds, caps, passing on."""
