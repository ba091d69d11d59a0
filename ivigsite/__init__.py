"""The hospital's site: people, patients, orders, checks."""
