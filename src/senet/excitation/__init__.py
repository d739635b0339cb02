"""The role of excitation: read every gate of a network on images, and say what it learned."""

from senet.excitation.recording.gates import Gate as Gate
from senet.excitation.recording.gates import Kind as Kind
from senet.excitation.recording.record import Recorded as Recorded
from senet.excitation.recording.record import record as record
from senet.excitation.statistics import Statistics as Statistics
