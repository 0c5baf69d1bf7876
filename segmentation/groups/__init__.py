"""Groups of people that nobody named beforehand: ever finer ones by what is bought, and kinds."""
