"""Installers of SharpCam. `python -m installer.build` is the one entry."""
