"""A baseline of counts for models of characters: interpolated Kneser-Ney smoothing.

The probability of a character is that in the longest context, with counts reduced by a discount.
The freed probability goes to the next shorter context, and from the shortest one to all characters
equally. In shorter contexts a sequence counts by the number of different characters that it
follows, not by its frequency.

Kneser and Ney, *Improved backing-off for m-gram language modeling*, 1995, in the interpolated form
of Chen and Goodman, *An empirical study of smoothing techniques for language modeling*, 1999.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Counts:
    """Counts of the sequences of one length; totals and numbers of continuations of contexts."""

    grams: Numbers
    counts: Numbers
    contexts: Numbers
    totals: Numbers
    kinds: Numbers


class NGrams:
    """Counts of all sequences of up to `order` characters.

    Parameters
    ----------
    text : array of int
        The text to count, with characters as numbers from 0.
    size : int
        The number of different characters.
    order : int
        The length of the longest sequences; 3 makes a trigram model, with a context of two
        characters.
    """

    def __init__(self, text: Numbers, size: int, order: int = 3) -> None:
        self.size, self.order = size, order
        self._levels = [self._count(text, length) for length in range(1, order + 1)]

    def _codes(self, text: Numbers, length: int) -> Numbers:
        """Return all sequences of one length in the text, each as one number."""
        codes = np.zeros(max(len(text) - length + 1, 0), dtype=np.int64)
        for start in range(length):
            codes = codes * self.size + text[start : start + len(codes)]
        return codes

    def _count(self, text: Numbers, length: int) -> _Counts:
        occurrences = self._codes(text, length)
        if length < self.order:  # the number of characters that it follows, not its frequency
            longer = np.unique(self._codes(text, length + 1))
            occurrences = longer % self.size**length
        grams, counts = np.unique(occurrences, return_counts=True)
        contexts, first = np.unique(grams // self.size, return_index=True)
        kinds = np.diff(first, append=len(grams))
        return _Counts(grams, counts, contexts, np.add.reduceat(counts, first), kinds)

    def probabilities(self, text: Numbers, discount: float) -> Floats:
        """Return the probability of each character of `text`, given the characters before it."""
        found = np.full(len(text), 1 / self.size)
        for length, level in enumerate(self._levels, start=1):
            codes = self._codes(text, length)
            count = _looked_up(codes, level.grams, level.counts)
            total = _looked_up(codes // self.size, level.contexts, level.totals)
            kinds = _looked_up(codes // self.size, level.contexts, level.kinds)
            shorter = found[length - 1 :]
            mixed = np.maximum(count - discount, 0) + discount * kinds * shorter
            # A context that never occurred has no counts: only the shorter one is used.
            found[length - 1 :] = np.where(total > 0, mixed / np.maximum(total, 1), shorter)
        return found

    def bits_per_character(self, text: Numbers, discount: float) -> float:
        """Return the mean cross-entropy on `text`, in bits."""
        return float(-np.log2(self.probabilities(text, discount)).mean())

    def best_discount(self, text: Numbers) -> float:
        """Return the discount, of 0.05, 0.1 to 0.95, with the smallest cross-entropy on `text`."""
        return min(
            np.arange(1, 20) / 20, key=lambda discount: self.bits_per_character(text, discount)
        )


def _looked_up(codes: Numbers, known: Numbers, values: Numbers) -> Numbers:
    """Return the value of each code; zero for unknown codes."""
    places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[places] == codes, values[places], 0)
