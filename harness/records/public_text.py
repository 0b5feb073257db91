"""What a record may say of the machine that it was measured on: its processor and versions, no folders and no names."""

import getpass
import platform
import re
from collections.abc import Iterator
from typing import Any

_NAME = r"[^\s/\\'\":;,()<>]+"
ABSOLUTE_PATH = re.compile(rf"(?<![\w./:~-])(?:/(?:{_NAME}/)+(?:{_NAME})?|[A-Za-z]:\\[^\s'\":;,()<>]+)")
HOST_NAME = re.compile(
    r"\b(?:[\w.-]+@[A-Za-z][\w.-]*\w|[A-Za-z][\w-]*(?:\.[\w-]+)*\.(?:local|lan|internal|localdomain|home))\b"
)
GENERIC = {"localhost", "linux", "runner", "root", "ubuntu", "debian", "user", "admin", "python", "model", "test"}
"""Names of machines and users that are words like others."""
SHORTEST = 4


def public(content: Any) -> Any:
    """JSON content whose texts name a file without its folder, and this machine and its user by no name."""
    if isinstance(content, str):
        return _public_text(content)
    if isinstance(content, dict):
        return {_public_text(name): public(part) for name, part in content.items()}
    if isinstance(content, list | tuple):
        return [public(part) for part in content]
    return content


def private_texts(content: Any, where: str = "$") -> Iterator[tuple[str, str]]:
    """Where JSON content has an absolute path or a host's name, and what it is."""
    if isinstance(content, str):
        for pattern in (ABSOLUTE_PATH, HOST_NAME):
            for match in pattern.finditer(content):
                yield where, match[0]
    elif isinstance(content, dict):
        for name, part in content.items():
            yield from private_texts(name, where)
            yield from private_texts(part, f"{where}.{name}")
    elif isinstance(content, list):
        for number, part in enumerate(content):
            yield from private_texts(part, f"{where}[{number}]")


def _public_text(text: str) -> str:
    text = ABSOLUTE_PATH.sub(lambda match: re.split(r"[/\\]", match[0].rstrip("/\\"))[-1], text)
    text = HOST_NAME.sub("<host>", text)
    for name in _own_names():
        text = re.sub(rf"\b{re.escape(name)}\b", "<host>", text)
    return text


def _own_names() -> list[str]:
    names = [platform.node()]
    try:
        names.append(getpass.getuser())
    except (KeyError, OSError):  # no name for this user
        pass
    return [name for name in names if len(name) >= SHORTEST and name.lower() not in GENERIC]
