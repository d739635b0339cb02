"""What a model reaches on images, as values."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """What a model reaches on a split.

    Args:
        loss: Mean cross entropy, without label smoothing.
        top1: Images whose class is the first guess, in percent.
        top5: Images whose class is among the first five guesses, in percent.
        images: How many were scored.
    """

    loss: float
    top1: float
    top5: float
    images: int


@dataclass(frozen=True)
class ClassAccuracy:
    """How often a class was recognised.

    Args:
        images: Of the class, that were scored.
        correct: Of these, whose first guess is the class.
    """

    images: int
    correct: int

    @property
    def accuracy(self) -> float | None:
        """In percent; None for a class without images."""
        return 100 * self.correct / self.images if self.images else None


@dataclass(frozen=True)
class EvaluationResult:
    """What a model reaches, in detail.

    Args:
        score: On all images that could be read.
        total: Images of the split, readable or not.
        classes: By output of the model.
    """

    score: Score
    total: int
    classes: tuple[ClassAccuracy, ...]


def accuracy_text(top1: float, top5: float, classes: int) -> str:
    """Say both accuracies; among five classes or fewer top-5 says nothing."""
    return f"{top1:.2f}%" + (f" (top-5 {top5:.2f}%)" if classes > 5 else "")
