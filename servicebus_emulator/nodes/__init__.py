"""Where the wire meets the broker."""
