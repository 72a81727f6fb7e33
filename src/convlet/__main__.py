"""`python -m convlet` is the command line."""

from convlet.cli import main

main()
