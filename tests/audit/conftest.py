from tests.guards import emptying_lifts_guards  # noqa: F401
