"""The decision engine: plain Python, pure, exact; it knows no patient, no clock and no database."""
