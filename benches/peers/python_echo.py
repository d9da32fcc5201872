"""A TCP echo server on asyncio's loop or on uvloop, as a Protocol or with streams.

run: python3 python_echo.py --loop asyncio|uvloop --style protocol|streams PORT

Port 0 lets the system choose; SIGINT and SIGTERM end it. Both loops set TCP_NODELAY themselves.
"""

import argparse
import asyncio
import platform
import signal
import sys

CHUNK = 16 * 1024
BACKLOG = 1024


class Echo(asyncio.Protocol):
    """Sends back what comes, and stops reading while the client does not read."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()

    # At the client's end, the default eof_received has the transport send what it holds and close.


async def echo(reader, writer):
    """Sends back what comes, a chunk at a time."""
    try:
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    except (ConnectionError, asyncio.CancelledError):
        pass  # a client that has gone is no news; what cancels is the end of the program
    finally:
        writer.close()


async def serve(style, port):
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if style == "protocol":
        server = await loop.create_server(Echo, "127.0.0.1", port, backlog=BACKLOG)
    else:
        server = await asyncio.start_server(echo, "127.0.0.1", port, backlog=BACKLOG, limit=CHUNK)
    print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    server.close()


def new_loop(name):
    if name == "asyncio":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def version(name):
    python = "%s %s" % (platform.python_implementation(), platform.python_version())
    if name == "asyncio":
        return python
    import uvloop

    return "uvloop %s, %s" % (uvloop.__version__, python)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), required=True)
    parser.add_argument("--style", choices=("protocol", "streams"), required=True)
    parser.add_argument("--version", action="store_true", help="say what it runs on, and end")
    parser.add_argument("port", type=int, nargs="?", default=0)
    asked = parser.parse_args()
    if asked.version:
        print(version(asked.loop))
        return
    try:
        with asyncio.Runner(loop_factory=lambda: new_loop(asked.loop)) as runner:
            runner.run(serve(asked.style, asked.port))
    except OSError as error:
        sys.exit("cannot serve: %s" % error)


if __name__ == "__main__":
    main()
