"""Segments of the merchant's own: kept, computed with all others, and tags like them."""
