"""Models with a defect that training put there, and the shipped probes run on them whole."""
