"""Connectors: what a shop can tell us, read from where it is kept.

Nothing in this package knows Mailchimp, Flask or a database; records go out, nothing comes back.
"""
