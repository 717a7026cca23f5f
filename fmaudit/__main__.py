"""`python -m fmaudit`."""

from fmaudit.cli import main

main()
