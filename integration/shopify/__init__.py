"""Shopify in this service: how a store is let in, kept in and asked what it lets us do."""
