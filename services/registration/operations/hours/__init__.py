"""Who came, the hours that this earned, and certificates of them."""
