"""Segmentation: who needs what, and when, from purchases alone.

Nothing in this package knows a network, Flask or a database: frames in, frames and plain numbers out.
"""
