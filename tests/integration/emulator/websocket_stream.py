"""A WebSocket with the methods of a socket, for clients that speak AMQP through one."""

import ssl

import websocket

PATH = "/$servicebus/websocket"


class WebSocketStream:
    """What the emulator writes and is sent, without the frames around it."""

    def __init__(self, port: int, context: ssl.SSLContext | None, timeout: float) -> None:
        self._inner = websocket.create_connection(
            f"{'ws' if context is None else 'wss'}://127.0.0.1:{port}{PATH}",
            timeout=timeout,
            subprotocols=["AMQPWSB10"],
            sslopt={"context": context},
        )

    def recv(self, _size: int) -> bytes:
        """A message; nothing at the end, whether or not it was a polite one."""
        try:
            kind, data = self._inner.recv_data()
        except websocket.WebSocketTimeoutException as late:
            raise TimeoutError from late
        except websocket.WebSocketConnectionClosedException:
            return b""
        return bytes(data) if kind == websocket.ABNF.OPCODE_BINARY else b""

    def sendall(self, data: bytes) -> None:
        if data:
            self._inner.send_binary(data)

    def settimeout(self, seconds: float) -> None:
        self._inner.settimeout(seconds)

    def close(self) -> None:
        if self._inner.sock is not None:  # as it is when the other side has hung up
            self._inner.sock.close()
