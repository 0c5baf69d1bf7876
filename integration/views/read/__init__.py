"""What the pages show, read in as few statements as there are lists on the page."""
