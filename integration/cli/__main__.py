"""`python -m integration.cli`: the command without its script."""

from integration.cli.main import main

if __name__ == "__main__":
    main(prog_name="stipt")
