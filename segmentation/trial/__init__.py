"""Whether a night's numbers may take the place of the present ones; begin at `choose`."""
