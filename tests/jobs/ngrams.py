"""A model of characters that counts: interpolated Kneser-Ney, which others have to beat.

The probability of a character is that of the longest context, its counts lowered by a discount;
what that sets free goes to the next shorter context, and from the shortest to all characters alike.
In shorter contexts counts how many different characters a sequence follows, not how often it
stands.

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
    """How often each sequence of one length occurs; totals and variety after each context."""

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
        What to count, characters as numbers from 0.
    size : int
        The number of different characters.
    order : int
        The length of the longest sequences; 3 makes a trigram model, with two characters of
        context.
    """

    def __init__(self, text: Numbers, size: int, order: int = 3) -> None:
        self.size, self.order = size, order
        self._levels = [self._count(text, length) for length in range(1, order + 1)]

    def _codes(self, text: Numbers, length: int) -> Numbers:
        """All sequences of one length in the text, each as one number."""
        codes = np.zeros(max(len(text) - length + 1, 0), dtype=np.int64)
        for start in range(length):
            codes = codes * self.size + text[start : start + len(codes)]
        return codes

    def _count(self, text: Numbers, length: int) -> _Counts:
        occurrences = self._codes(text, length)
        if length < self.order:  # how many characters it follows, not how often it stands
            longer = np.unique(self._codes(text, length + 1))
            occurrences = longer % self.size**length
        grams, counts = np.unique(occurrences, return_counts=True)
        contexts, first = np.unique(grams // self.size, return_index=True)
        kinds = np.diff(first, append=len(grams))
        return _Counts(grams, counts, contexts, np.add.reduceat(counts, first), kinds)

    def probabilities(self, text: Numbers, discount: float) -> Floats:
        """The probability of each character of `text`, given those before it."""
        found = np.full(len(text), 1 / self.size)
        for length, level in enumerate(self._levels, start=1):
            codes = self._codes(text, length)
            count = _looked_up(codes, level.grams, level.counts)
            total = _looked_up(codes // self.size, level.contexts, level.totals)
            kinds = _looked_up(codes // self.size, level.contexts, level.kinds)
            shorter = found[length - 1 :]
            mixed = np.maximum(count - discount, 0) + discount * kinds * shorter
            # A context that never occurred tells nothing: the shorter one counts alone.
            found[length - 1 :] = np.where(total > 0, mixed / np.maximum(total, 1), shorter)
        return found

    def bits_per_character(self, text: Numbers, discount: float) -> float:
        """The mean cross-entropy on `text`, in bits."""
        return float(-np.log2(self.probabilities(text, discount)).mean())

    def best_discount(self, text: Numbers) -> float:
        """The discount, of 0.05, 0.1 to 0.95, with which `text` costs least."""
        return min(
            np.arange(1, 20) / 20, key=lambda discount: self.bits_per_character(text, discount)
        )


def _looked_up(codes: Numbers, known: Numbers, values: Numbers) -> Numbers:
    """The value of each code, zero for codes that are not known."""
    places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[places] == codes, values[places], 0)
