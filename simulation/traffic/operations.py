"""The operations of viewers, and how often each is done unless --mix says otherwise."""

import argparse

# Name -> how many of 1,000 operations, and what is done. Where an operation is not possible another takes its place: a
# viewer without a viewing to continue begins one, one who has finished nothing reads reviews instead of writing one,
# and as long as nobody has signed up, somebody signs up.
OPERATIONS: dict[str, tuple[float, str]] = {
    "browse": (130, "list titles of a genre that they like"),
    "search": (60, "search titles by the beginning of the name"),
    "continue": (80, "list what they have not watched to the end"),
    "watch": (150, "begin to watch a title"),
    "progress": (370, "log how far they have watched"),
    "reviews": (80, "read the reviews of a title, or its average rating"),
    "review": (40, "write a review, or replace one"),
    "signup": (20, "sign up, on a plan of the run"),
    "plan": (10, "change to another plan, or take one again after a cancellation"),
    "pay": (40, "pay for the plan, at its present price"),
    "cancel": (5, "cancel the plan"),
    "delete": (10, "delete their account"),
    "price": (5, "change the price of a plan"),
}
MIX = {name: share for name, (share, _) in OPERATIONS.items()}


def operations_help() -> str:
    """Return the operations with their shares, a line each, for --help."""
    lines = [f"  {name:10}{share:5g}  {what}" for name, (share, what) in OPERATIONS.items()]
    return "operations, for --mix and --expect, and how many of 1,000 are done:\n" + "\n".join(lines)


def parse_mix(text: str) -> dict[str, float]:
    """Parse a mix of the command line: operations with their weights; others are not done. Raises ArgumentTypeError."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        if name not in MIX:
            raise argparse.ArgumentTypeError(f"there is no operation {name}, but {', '.join(MIX)}")
        try:
            weights[name] = float(number)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{name}: expected a number, like {name}=10") from None
        if not 0 <= weights[name] < float("inf"):
            raise argparse.ArgumentTypeError(f"{name}: expected a number from 0")
    if not sum(weights.values()):
        raise argparse.ArgumentTypeError("no operation has a weight")
    return weights
