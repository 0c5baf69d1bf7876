"""What a person may ask for: to be forgotten, and to see everything we know."""
