"""A model by its name: read, built by whichever library has it, with the weights and the classifier it needs."""
