"""HTML of a job: its card in the grid, and its details. Everything in it is untrusted.

Marimo takes a button's label for Markdown, so that not only HTML has to be escaped.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from genai_orchestration.doors.markup import as_text
from genai_orchestration.gallery.pictures import ARCHIVED
from genai_orchestration.gallery.rows import Row

CAPTION = 90  # characters of a prompt on a card
PIXELS = 320  # that a public address is asked for
PUBLIC = re.compile(r"https?://[^\s\"'<>()\\]+")
HIDDEN = ("picture", "sha256s", "prompt", "error_text")  # shown in another way, or not at all


def picture(row: Row) -> str:
    """An image that the browser loads once it is in sight; a grey field where there is none."""
    path, words = row["picture"] or "", as_text(row["prompt"] or row["job_id"])
    if ARCHIVED.fullmatch(path):
        address = f"/thumbnails/{path}"
    elif PUBLIC.fullmatch(path):
        address = as_text(f"{path}?width={PIXELS}")
    else:
        return f'<div class="genai-none">{as_text(row["state"])}</div>'
    return f'<img loading="lazy" referrerpolicy="no-referrer" src="{address}" alt="{words}">'


def card(row: Row) -> str:
    """A job in the grid."""
    words = str(row["prompt"] or row["request_key"] or row["job_id"])
    cut = words if len(words) <= CAPTION else words[:CAPTION].rstrip() + " …"
    return (
        f'<figure class="genai-card genai-{as_text(row["state"]).lower()}">{picture(row)}'
        f"<figcaption>{as_text(cut)}</figcaption></figure>"
    )


def details(row: Row, files: Sequence[Row]) -> str:
    """Everything that is known of a job, and all of its files."""
    present = {name: value for name, value in row.items() if value is not None}
    lines = [
        f"<tr><th>{as_text(name)}</th><td>{as_text(_cell(value))}</td></tr>"
        for name, value in present.items()
        if name not in HIDDEN and not name.startswith("_dlt")
    ]
    error = (
        f'<p class="genai-error">{as_text(present["error_text"])}</p>'
        if "error_text" in present
        else ""
    )
    pictures = "".join(_file(file) for file in files) or picture(row)
    title = as_text(present.get("prompt", row["job_id"]))
    return (
        f'<div class="genai-details"><h3>{title}</h3>{error}'
        f'<div class="genai-files">{pictures}</div><table>{"".join(lines)}</table></div>'
    )


def _file(file: Row) -> str:
    path, role = file["archived_path"] or "", as_text(file["role"])
    if not ARCHIVED.fullmatch(path):
        return f'<div class="genai-none">{role}: {as_text(file["reason"] or file["state"])}</div>'
    size = f"{file['width']} x {file['height']}, " if file["width"] else ""
    words = as_text(f"{size}{(file['bytes'] or 0) / 1024:,.0f} KB")
    return (
        f'<a href="/files/{path}" target="_blank" rel="noopener"><img loading="lazy" '
        f'src="/thumbnails/{path}" alt="{role}"><small>{role}, {words}</small></a>'
    )


def _cell(value: Any) -> str:
    match value:
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S %Z}"
        case float():
            return f"{value:,.1f}"
    return str(value)
