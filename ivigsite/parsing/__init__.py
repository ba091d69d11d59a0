"""What people type, turned once into values: pure functions that return the value or raise `BadInput`."""
