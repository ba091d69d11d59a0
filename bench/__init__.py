"""What the figures of this site are measured with: `python3 manage.py bench`."""
