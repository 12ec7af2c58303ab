"""Teams: members, from a roster to volunteers, signing up together."""
