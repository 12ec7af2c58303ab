"""People: who somebody is, what they agreed to, what a site was told; volunteers; erasure."""
