"""python buyer.py [token]: subscribes with PyKX (no licence needed), shows the invoice, and prints what comes once it is paid."""

import asyncio
import os
import sys

os.environ.setdefault("PYKX_UNLICENSED", "true")
import pykx as kx  # noqa: E402


async def main():
    password = sys.argv[1] if len(sys.argv) > 1 else "x"
    port = int(os.environ.get("PORT", "5011"))
    q = await kx.RawQConnection("localhost", port, username="me", password=password, no_ctx=True)
    if password == "x":
        table, schema, invoice = (await q(".u.sub", "trade", ["AAPL", "GOOGL"])).py()
        print("pay", invoice["payment_request"].decode())
        print("go on with it later:", invoice["token"].decode())
    else:
        # Rows may follow at once, and PyKX throws away what comes while it waits for an answer.
        q(".u.sub", "trade", ["AAPL", "GOOGL"], wait=False)
        q.poll_send(0)
    while True:
        message = q.poll_recv()
        if message is None:
            await asyncio.sleep(0.01)
            continue
        name, *rest = message
        if name.py() == "upd":
            print(rest[1].pd())
        else:
            print(name.py(), [each.py() for each in rest])


asyncio.run(main())
