"""What can be done with reminders and messages: one function = one operation = one transaction."""
