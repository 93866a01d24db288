"""``python -m evaluation.cli``: the same command line where the script is not on the path."""

from evaluation.cli import main

main()
