"""The only room with sockets, TLS and threads."""
