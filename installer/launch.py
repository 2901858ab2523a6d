"""What PyInstaller's program runs."""

from sharpcam.cli import console

console()
