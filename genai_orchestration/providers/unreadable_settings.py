"""What dlt says of a setting that it cannot read, as a sentence. A setting's value is never shown.

dlt's error ─► the file and the line, or the setting's name ─► UnreadableSetting
           └─► it is about something else ─► None
"""

import re

from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.providers.toml import TomlProviderReadException

from genai_orchestration.errors import UserError

POSITION = re.compile(r"at line \d+ col \d+")
LOG_LEVEL = "Unknown level: "  # logging's words about [runtime] log_level, which dlt lets through


class UnreadableSetting(UserError):
    """A settings file, or a value in it, is not what dlt can read."""


def unreadable(error: BaseException) -> UnreadableSetting | None:
    """The sentence about the setting that the error is about; None for another error."""
    match error:
        case TomlProviderReadException():
            return UnreadableSetting(f".dlt/{error.file_name} {_trouble_with(error)}")
        case ConfigValueCannotBeCoercedException():
            return UnreadableSetting(
                f"The setting {error.field_name} has a value of another kind than dlt expects: "
                "correct it in .dlt/config.toml or in the environment."
            )
        case ValueError() if str(error).startswith(LOG_LEVEL):
            return UnreadableSetting(
                "The setting log_level of [runtime] is not the name of a level: write it like "
                '"WARNING" in .dlt/config.toml or in RUNTIME__LOG_LEVEL.'
            )
    return None


def _trouble_with(error: TomlProviderReadException) -> str:
    match error.__context__:  # dlt names no cause
        case OSError() as cause:
            return f"cannot be read ({cause.strerror}): let this user read it, or remove it."
        case UnicodeError():
            return "is not UTF-8 text: save it as UTF-8."
    # the position alone: the parser's words may quote what is written there
    position = POSITION.search(str(error))
    return (
        f"is not valid TOML ({position[0] if position else 'unreadable'}): correct it; a text is "
        'written in quotes, as in api_key = "...".'
    )
