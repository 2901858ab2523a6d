"""Comparisons with other programs; not in the wheel."""
