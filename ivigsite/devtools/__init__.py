"""What developers run; a running site imports none of it."""
