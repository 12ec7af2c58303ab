"""Staff: accounts and roles, logging in, links, the audit log."""
