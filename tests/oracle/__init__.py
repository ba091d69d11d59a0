"""A second reading of the clinical evidence, apart from the engine so that it can catch its mistakes."""
