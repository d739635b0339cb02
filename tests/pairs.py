"""Few cases that hold every pair of choices: most faults need one option, nearly all others two."""

import itertools


def all_pairs(*choices):
    """Return cases, tuples of one value of each of some lists, so that any two values of two lists meet in one.

    The first of the cases is that of the first values; the product holds each pair many times.
    """
    left = {
        (i, a, j, b)
        for (i, first), (j, second) in itertools.combinations(enumerate(choices), 2)
        for a, b in itertools.product(range(len(first)), range(len(second)))
    }
    product, cases = [*itertools.product(*(range(len(values)) for values in choices))], []
    while left:
        case = max(product, key=lambda numbers: len(left & pairs_of(numbers)))
        left -= pairs_of(case)
        cases.append(tuple(values[number] for values, number in zip(choices, case, strict=True)))
    return cases


def pairs_of(numbers):
    return {(i, a, j, b) for (i, a), (j, b) in itertools.combinations(enumerate(numbers), 2)}
