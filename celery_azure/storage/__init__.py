"""Blob Storage over HTTP/1.1: first values, then decisions, then sockets."""
