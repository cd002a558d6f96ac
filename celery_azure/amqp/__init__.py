"""An AMQP 1.0 client for Service Bus: bytes in, calls out, bytes out; and what drives it.

Sans-I/O below `threaded`, its `wire`, and `aio`: nothing else here waits, reads a clock or touches
a socket.
"""
