"""The model that training begins with: what is asked for, the trunk, attention in it."""
