"""HTML and SVG in which text stays text: what is not made by tag() is escaped."""

import html


class Markup(str):
    """HTML or SVG that may stand in a page as it is. Only tag(), join() and the files of this room make any."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element with its children, in which all text is escaped but Markup.

    An attribute that is None is left out; class_ is class, and data_tip is data-tip.
    """
    written = "".join(
        f' {attribute.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for attribute, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def void(name: str, /, **attributes: object) -> Markup:
    """Return an element of HTML that has no end tag, such as meta."""
    return Markup(tag(name, **attributes).removesuffix(f"</{name}>"))


def join(*children: object) -> Markup:
    """Return what stands one after the other, in which all text is escaped but Markup."""
    return Markup("".join(child if isinstance(child, Markup) else html.escape(str(child)) for child in children))
