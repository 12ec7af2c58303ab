"""Programs that use Hesheng from outside, through its HTTP API alone."""
