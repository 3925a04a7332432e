"""Numbers that are the same on every machine, so that the same seed makes the same platform everywhere.

Of Python's floats IEEE 754 fixes + - * / and square roots to the last bit. Powers, logarithms and exponentials come
from the C library, and their last digit may differ; those of the decimal module are rounded correctly, so they do not.
From Python 3.12 on sum() adds floats in another way than before; math.fsum() does not.
"""

from decimal import Context, Decimal

WHOLE = 1 << 40  # Shares are counted as parts of this whole number, because sums of whole numbers are exact.

_CONTEXT = Context(prec=20)


def power(base: float, exponent: float) -> float:
    """Return base ** exponent for a positive base."""
    logarithm = _CONTEXT.ln(Decimal(base))
    return float(_CONTEXT.exp(_CONTEXT.multiply(logarithm, Decimal(exponent))))


def approximately_normal(uniform: float) -> float:
    """Return an approximately normal number (mean 0, standard deviation 1, never beyond 3.5) for one random().

    It is the sum of four uniform numbers, made of 13 bits of the random() each.
    """
    bits = int(uniform * 4503599627370496.0)  # 2**52
    total = (bits & 8191) + (bits >> 13 & 8191) + (bits >> 26 & 8191) + (bits >> 39)
    return (total / 8192 - 1.999755859375) * 1.7320508075688772
