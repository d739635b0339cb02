import sys
from pathlib import Path

# A user's folder is on the path.
sys.path.append(str(Path(__file__).parent))
