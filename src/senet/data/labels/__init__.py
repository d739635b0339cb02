"""What class numbers mean: the class map of the data, the labels of a network."""
