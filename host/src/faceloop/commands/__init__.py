"""Commands that form a group of their own, and what all commands share."""
