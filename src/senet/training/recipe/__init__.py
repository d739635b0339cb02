"""A recipe: everything about a run that is neither the network, nor the data, nor the seed; as TOML, as transforms."""
