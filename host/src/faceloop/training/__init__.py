"""The daily programme: what to do, when, how well it went, what was done. No screen in here."""
