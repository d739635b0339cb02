"""Before the first step: the model made ready, batches checked, precision measured."""
