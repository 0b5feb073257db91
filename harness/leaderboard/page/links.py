"""Which text becomes a link: https addresses, arXiv numbers and DOIs. All else is escaped."""

import re

from markupsafe import Markup, escape

END = r"[^\s<>\"'`{}|\\^.,;:!?)\]]"
LINKED = re.compile(
    rf"(?P<address>https://[^\s<>\"'`{{}}|\\^]+{END})"
    r"|arXiv:(?P<arxiv>\d{4}\.\d{4,5}|[a-z-]+/\d{7})"
    rf"|doi:(?P<doi>10\.\d{{4,9}}/[^\s<>\"'`{{}}|\\^]*{END})"
)
WEB_ADDRESS = re.compile(rf"https://[^\s<>\"'`{{}}|\\^]+{END}")


def linked(text: str) -> Markup:
    """The text, escaped, with what it names as links: https addresses, arXiv:1611.03530, doi:10.1000/182."""
    parts: list[str] = []
    end = 0
    for match in LINKED.finditer(text):
        parts += [escape(text[end : match.start()]), _link(_address(match), match[0])]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def link(address: str, text: str) -> Markup:
    """The text as a link if the address is one of https; else the text, escaped."""
    return _link(address, text) if WEB_ADDRESS.fullmatch(address) else escape(text)


def _address(match: re.Match[str]) -> str:
    if match["arxiv"]:
        return f"https://arxiv.org/abs/{match['arxiv']}"
    return f"https://doi.org/{match['doi']}" if match["doi"] else match["address"]


def _link(address: str, text: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, text)
