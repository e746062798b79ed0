"""`python -m wea` is `wea`."""

from wea.cli import main

main()
