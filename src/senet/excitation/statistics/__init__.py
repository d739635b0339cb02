"""Statistics of gates over any number of images: constant memory, exact, and merged from parts."""

from senet.excitation.statistics.statistics import Statistics as Statistics
