"""The operations of viewers, and how often each is done unless --mix says otherwise."""

import argparse

# Name -> how many of 1,000 operations, and what is done. Where an operation is not possible another takes its place: a
# viewer without a viewing to continue begins one, one who has finished nothing reads reviews instead of writing one,
# and as long as nobody has signed up, somebody signs up.
OPERATIONS: dict[str, tuple[float, str]] = {
    "browse": (130, "a page of a genre of their taste"),
    "search": (60, "for a title by how it begins"),
    "continue": (80, "list what they have not seen to the end"),
    "watch": (150, "begin to watch a title"),
    "progress": (370, "log how far they are"),
    "reviews": (80, "read the reviews of a title, or its average"),
    "review": (40, "write one, or another in its place"),
    "signup": (20, "somebody new, on a plan of the run"),
    "plan": (10, "change to another plan, or back to one after a cancellation"),
    "pay": (40, "for the plan, at its present price"),
    "cancel": (5, "the plan"),
    "delete": (10, "their account"),
    "price": (5, "of a plan changes"),
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
