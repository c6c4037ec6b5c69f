"""The one exception for what a user can fix."""

from schemas.bounded_text import bounded_lines, printable

LINES = 20  # of one message, such as that of a configuration with many wrong keys


class UserError(Exception):
    """The user's input can't be used; the message names the input and the remedy.

    Every command line of the project prints the message as one `error:` line, without a traceback, and exits with 2. A
    message repeats names and values from outside, so it is bounded, and made printable, here.
    """

    def __init__(self, message: str):
        lines = bounded_lines(message.split("\n"), LINES)
        super().__init__("\n".join(bounded_lines(map(printable, lines), LINES)))
