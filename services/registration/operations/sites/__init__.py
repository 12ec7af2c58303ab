"""Areas, sites and what belongs to them: settings, plaques, organisations; and what everybody may know of them."""
