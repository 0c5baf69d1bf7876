"""Shopify as far as we use it: OAuth, Admin GraphQL, bulk operations, webhooks, and its faults."""
