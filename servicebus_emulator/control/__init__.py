"""What no broker offers: faults on demand, and a look behind the counter. Without I/O."""
