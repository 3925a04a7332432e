"""Build HTML and SVG. All text is escaped, unless it is Markup."""

import html


class Markup(str):
    """HTML or SVG that is not escaped. Made by tag() and join(), and from files of this folder."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element with its children. An attribute that is None is left out; class_ is class, data_x is data-x."""
    written = "".join(
        f' {attribute.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for attribute, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def void(name: str, /, **attributes: object) -> Markup:
    """Return an HTML element without an end tag, such as meta."""
    return Markup(tag(name, **attributes).removesuffix(f"</{name}>"))


def join(*children: object) -> Markup:
    """Concatenate text and Markup."""
    return Markup("".join(child if isinstance(child, Markup) else html.escape(str(child)) for child in children))
