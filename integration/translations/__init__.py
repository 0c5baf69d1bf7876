"""Texts of the pages: English in the sources, Dutch in a catalogue.

``python -m integration.translations`` brings the catalogue in step with the sources, says what has
no Dutch yet, and compiles it.
"""
