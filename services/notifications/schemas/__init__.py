"""What the notifications service accepts and answers over HTTP, one file per subject."""
