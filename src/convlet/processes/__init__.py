"""Several processes as one: who is who, how they meet, what they must have in common. It knows no engine."""
