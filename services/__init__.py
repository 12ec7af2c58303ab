"""The three services of Hesheng and what they share."""
