"""``python -m senet``: the command line without its script."""

from senet.cli import main

main()
