"""Platforms emulated: what our connectors are tried on, and what the demo installs itself on."""
