"""The words of a command line: which command they name, and what is wrong with them."""

from __future__ import annotations

from typing import Any

__all__ = ["named", "sentence"]


def named(command: Any, arguments: list[str]) -> tuple[list[str], Any]:
    """Return the words that name a command or a group of them, and what they name."""
    names: list[str] = []
    for word in arguments:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]
        names.append(word)
    return names, command


def sentence(error: Any) -> str:
    """Return what is wrong with the arguments, in one sentence."""
    param = getattr(error, "param", None)
    text: str = error.format_message()
    if param is not None and error.message:  # all our options with rules are numbers
        low, high = (getattr(param, name, None) for name in ("min", "max"))
        # The text does not say it of a whole number that is out of range; its limits are whole.
        is_whole = "integer" in text or isinstance(low, int)
        kind = "a whole number" if is_whole else "a number"
        if low is not None:
            kind += f" of at least {low:g}" if high is None else f" from {low:g} to {high:g}"
        return f"{param.opts[0]} takes {kind}."
    return text if text.endswith((".", "?")) else f"{text}."
