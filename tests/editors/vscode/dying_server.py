"""A server that answers the first message and ends at the second; test_vscode.py fills in LOG_FILE, for its starts."""

import json
import sys

LOG_FILE = "LOG_FILE"


def receive() -> dict[str, object]:
    """One message."""
    size = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        size = int(value) if name == b"Content-Length" else size
    message: dict[str, object] = json.loads(sys.stdin.buffer.read(size))
    return message


if "--version" in sys.argv:
    print("ftlint 0.1.0")
    sys.exit()
with open(LOG_FILE, "a", encoding="utf-8") as log:
    log.write("start\n")
answer = {"jsonrpc": "2.0", "id": receive()["id"], "result": {"capabilities": {}}}
body = json.dumps(answer).encode()
sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
sys.stdout.buffer.flush()
receive()
sys.exit("I am dying")
