"""What keeps a shop's tables in step with the shop between two readings of it."""
