"""Segmentation: who needs what, and when, from purchases alone.

Nothing in this package knows a network, Flask or a database: frames go in, frames and plain
numbers come out.
"""
