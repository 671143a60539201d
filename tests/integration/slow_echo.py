"""An upstream for failover_test: answers 64 bytes with the same after a while, so that sessions are in
flight when it is killed. Prints its address; runs until it is killed or stdin ends.

    slow_echo.py SECONDS"""

import asyncio
import sys

MESSAGE_BYTES = 64


async def answer(reader, writer):
    try:
        message = await reader.readexactly(MESSAGE_BYTES)
        await asyncio.sleep(float(sys.argv[1]))  # The work that a real service would do.
        writer.write(message)
        await reader.read()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=4096)
    print("%s:%d" % server.sockets[0].getsockname()[:2], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
