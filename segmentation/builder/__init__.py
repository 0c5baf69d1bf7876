"""Segments that the merchant makes: conditions as data, and as the expression that finds people."""
