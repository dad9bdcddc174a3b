"""What n-grams say of texts: interpolated Kneser-Ney, the baseline of language models."""

import math
from collections import Counter
from collections.abc import Sequence

DISCOUNT = 0.75

Text = Sequence[int]


class KneserNey:
    """Probabilities of what follows up to ``order - 1`` tokens, learnt from texts.

    Parameters
    ----------
    size
        Tokens that there are; what was never seen is as likely as all else.
    """

    def __init__(self, texts: Sequence[Text], order: int, size: int) -> None:
        self._order, self._size = order, size
        seen = [
            Counter(tuple(text[end - n : end]) for text in texts for end in range(n, len(text) + 1))
            for n in range(1, order + 1)
        ]
        # Below the highest order it counts after how many different tokens something came.
        self._counts = [Counter(gram[1:] for gram in longer) for longer in seen[1:]] + seen[-1:]
        self._totals, self._kinds = list[Counter[Text]](), list[Counter[Text]]()
        for counts in self._counts:
            totals, kinds = Counter[Text](), Counter[Text]()
            for gram, count in counts.items():
                totals[gram[:-1]] += count
                kinds[gram[:-1]] += 1
            self._totals.append(totals)
            self._kinds.append(kinds)

    def probability(self, before: Text, token: int) -> float:
        """Return how likely a token is after others."""
        found = 1 / self._size
        for width in range(min(self._order, len(before) + 1)):
            context = tuple(before[len(before) - width :])
            if total := self._totals[width][context]:
                own = max(self._counts[width][*context, token] - DISCOUNT, 0.0)
                found = (own + DISCOUNT * self._kinds[width][context] * found) / total
        return found

    def perplexity(self, texts: Sequence[Text]) -> float:
        """Return the perplexity per token, the first of each text not counted."""
        logs = [
            math.log(self.probability(text[:place], text[place]))
            for text in texts
            for place in range(1, len(text))
        ]
        return math.exp(-sum(logs) / len(logs))
