"""One API process on a listening socket that it inherits; who bound it and why is not its business.

`uvicorn --fd` takes an inherited socket for a Unix one and so leaves Nagle's algorithm on.
"""

import argparse
import socket
import sys

import uvicorn

GRACE_S = 10  # Requests under way may finish; a supervisor waits a little longer than this.


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m api.serve", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the inherited listening socket")
    parser.add_argument("--app", default="api.main:create_app", help="factory of the application")
    arguments = parser.parse_args()
    server = uvicorn.Server(
        uvicorn.Config(
            arguments.app,
            factory=True,
            loop="uvloop",
            http="httptools",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    server.run(sockets=[socket.socket(fileno=arguments.fd)])
    return 0 if server.started else 3


if __name__ == "__main__":
    sys.exit(main())
