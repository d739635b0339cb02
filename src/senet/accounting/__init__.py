"""What a model costs for one image: parameters, multiply-adds, elementwise work, bytes; attention's share."""

from senet.accounting.count import cost
from senet.accounting.records import Cost, ModuleCost, Uncounted, Work, attention_weights, uncounted_text

__all__ = ["Cost", "ModuleCost", "Uncounted", "Work", "attention_weights", "cost", "uncounted_text"]
