"""A container in memory, which counts what is asked of it."""

from celery_azure.blobs import BINARY, Blob, ChangedMeanwhileError


class InMemoryBlobs:
    """Plays the service: versions rise, conditions are checked."""

    name = "box"

    def __init__(self) -> None:
        self.blobs: dict[str, Blob] = {}
        self.asked: list[str] = []
        self.lose_next_answer = False
        self._version = 0

    def read(self, name: str) -> Blob | None:
        self.asked.append("read")
        return self.blobs.get(name)

    def read_many(self, names: list[str]) -> list[Blob | None]:
        self.asked.append("read_many")
        return [self.blobs.get(name) for name in names]

    def write(self, name: str, content: bytes, _type: str = BINARY) -> str:
        self.asked.append("write")
        return self.put(name, content)

    def replace(self, name: str, content: bytes, etag: str | None, _type: str = BINARY) -> str:
        self.asked.append("write")
        stored = self.blobs.get(name)
        if (None if stored is None else stored.etag) != etag:
            raise ChangedMeanwhileError(name)
        written = self.put(name, content)
        if self.lose_next_answer:  # and the repeated request finds what the first has written
            self.lose_next_answer = False
            raise ChangedMeanwhileError(name)
        return written

    def create_log(self, name: str) -> None:
        self.asked.append("create")
        if name in self.blobs:
            raise ChangedMeanwhileError(name)
        self.put(name, b"")

    def add(self, name: str, content: bytes) -> bool:
        self.asked.append("add")
        stored = self.blobs.get(name)
        if stored is not None:
            self.put(name, stored.content + content)
        return stored is not None

    def delete(self, name: str) -> None:
        self.asked.append("delete")
        self.blobs.pop(name, None)

    def put(self, name: str, content: bytes) -> str:
        """Play another writer."""
        self._version += 1
        etag = f'"{self._version}"'
        self.blobs[name] = Blob(content, etag)
        return etag
