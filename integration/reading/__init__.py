"""What pages and commands show, read in as few statements as there are lists; knows no Flask."""
