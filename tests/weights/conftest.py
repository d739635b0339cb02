import sys
from pathlib import Path

# The other libraries' networks with random weights, and the comparison of logits, are those of the parity tests.
sys.path.append(str(Path(__file__).parents[1] / "networks"))
