"""Everything platform-specific; the rest of the program never asks which system it runs on."""
