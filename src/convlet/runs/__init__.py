"""What a run is, and what is kept of it."""
