"""A second reading of the clinical evidence, written apart from the engine so that it can catch the engine's mistakes."""
