"""Training: everything that needs torch. Run as `python -m training.<verb>`; see README.md."""
