"""Service Bus entities without AMQP and without I/O; time is an argument."""
