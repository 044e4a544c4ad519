"""Text of others, as Markdown and HTML show it: as text, whatever is written in it.

Prompts and vendors' messages come from anywhere; `![](http://evil.example/beacon.png)` in one of
them would be a picture that the reader's browser asks for. All Markdown and HTML of this project
that holds such text is made with `as_text`.
"""

import re

# what means nothing to either: letters, digits, spaces, and punctuation where a sentence has it
HARMLESS = re.compile(
    r"[^\W_]| |[.,;:?%)](?=[ ),.;:]|$)|(?<= )\((?=[^\W_])"
    r"|(?<=[^\W_])[-_'](?=[^\W_])|(?<=\d)[.,](?=\d)"
)
LIST = re.compile(r"\d+(?=[.)])")  # at the beginning of a line, that makes a list of it


def as_text(words: object) -> str:
    """The words on one line, as source of Markdown and of HTML, attributes included.

    Whatever could be markup becomes a character reference, which both show as the character.
    """
    line = " ".join(str(words).split())
    first = LIST.match(line)
    return "".join(
        char
        if HARMLESS.match(line, place) and not (first and first.end() == place)
        else f"&#{ord(char)};"
        for place, char in enumerate(line)
    )
