"""Shopify: installed as an app, read by its GraphQL Admin API, told of changes by webhooks."""
