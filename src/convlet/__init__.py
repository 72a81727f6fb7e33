"""convlet."""
