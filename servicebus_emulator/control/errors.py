"""What the control interface refuses."""


class ControlError(Exception):
    """The emulator cannot do what was asked of it, as it was set up; the text says why."""
