"""How business customers order: rhythm and quantity per article group, and what is missing."""
