"""Mailchimp's own specification, and the witness that holds the whole test-suite to it."""
