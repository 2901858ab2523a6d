"""`python -m sharpcam` is the same as the command `sharpcam`."""

from sharpcam.cli import console

console()
