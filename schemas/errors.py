"""The one exception for what a user can mend."""


class UserError(Exception):
    """What the user gave cannot be used; the message names the input and the remedy.

    Every command line of the project prints the message as one `error:` line, without a traceback, and exits with 2.
    """
