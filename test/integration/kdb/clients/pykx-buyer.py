"""PyKX without a licence, driven line by line: a command as JSON comes in, what PyKX made of the answer goes out."""

import asyncio
import json
import os
import sys

os.environ["PYKX_UNLICENSED"] = "true"
import pykx as kx  # noqa: E402


def argument(value):
    if isinstance(value, dict):
        if "symbol" in value:
            return kx.SymbolAtom(value["symbol"])
        if "symbols" in value:
            return kx.SymbolVector(value["symbols"])
        return kx.CharVector(value["chars"])
    return value


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {" ".join(key) if isinstance(key, tuple) else key: plain(each) for key, each in value.items()}
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    return str(value)


def described(value):
    if isinstance(value, kx.Table):
        rows = value.np()
        return {"types": {name: str(rows.dtype[name]) for name in rows.dtype.names}, "columns": {
            name: plain(rows[name].astype("int64").tolist() if rows.dtype[name].kind in "mM" else rows[name].tolist())
            for name in rows.dtype.names
        }}
    if isinstance(value, kx.List):
        return [described(each) for each in value]
    return {"kx": type(value).__name__, "value": plain(value.py())}


async def received(connection):
    for _ in range(1000):
        value = connection.poll_recv()
        if value is not None:
            return value
        await asyncio.sleep(0.01)
    raise TimeoutError("nothing came")


async def main():
    connection = None
    raw = False
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["op"] == "connect":
                raw = command["raw"]
                made = kx.RawQConnection if raw else kx.SyncQConnection
                options = {"username": command["user"], "password": command["password"], "no_ctx": True}
                connection = made("127.0.0.1", command["port"], **options)
                if raw:
                    connection = await connection
                answer = None
            elif command["op"] == "ask" and raw:
                waiting = connection(*map(argument, command["args"]))
                connection.poll_send(0)
                answer = described(await waiting)
            elif command["op"] == "tell":
                # While PyKX waits for an answer it throws away what was not asked for.
                connection(*map(argument, command["args"]), wait=False)
                connection.poll_send(0)
                answer = None
            elif command["op"] == "ask":
                answer = described(connection(*map(argument, command["args"])))
            elif command["op"] == "receive":
                answer = described(await received(connection))
            else:
                closed = connection.close()
                if raw:
                    await closed
                answer = None
            reply = {"ok": answer}
        except Exception as error:  # whatever PyKX makes of it is what the test wants to see
            reply = {"error": str(error), "kind": type(error).__name__}
        print(json.dumps(reply), flush=True)


asyncio.run(main())
