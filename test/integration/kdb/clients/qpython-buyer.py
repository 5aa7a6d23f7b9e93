"""qPython, driven line by line: a command as JSON comes in, what qPython made of the answer goes out."""

import json
import sys
import warnings

warnings.simplefilter("ignore")
import numpy  # noqa: E402
from qpython import qconnection  # noqa: E402
from qpython.qcollection import QDictionary, QKeyedTable, QTable, qlist  # noqa: E402
from qpython.qtype import QSYMBOL_LIST  # noqa: E402


def argument(value):
    if isinstance(value, dict):
        if "symbol" in value:
            return numpy.string_(value["symbol"])
        if "symbols" in value:
            return qlist(numpy.array(value["symbols"], dtype=numpy.string_), qtype=QSYMBOL_LIST)
        return value["chars"]
    return value


def described(value):
    if isinstance(value, QKeyedTable):
        return {"keys": described(value.keys), "values": described(value.values)}
    if isinstance(value, QTable):
        columns = {}
        for name in value.dtype.names:
            columns[name] = described(value[name])
        return {"types": {name: int(value.meta[name]) for name in value.dtype.names}, "columns": columns}
    if isinstance(value, QDictionary):
        return {str(described(key)): described(each) for key, each in zip(value.keys, value.values)}
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple, numpy.ndarray)):
        return [described(each) for each in value]
    if isinstance(value, numpy.generic):
        return described(value.item())
    if hasattr(value, "raw"):
        return described(value.raw)
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


connection = None
for line in sys.stdin:
    command = json.loads(line)
    try:
        if command["op"] == "connect":
            options = {"username": command["user"], "password": command["password"], "timeout": 10.0}
            connection = qconnection.QConnection(host="127.0.0.1", port=command["port"], **options)
            connection.open()
            answer = connection.protocol_version
        elif command["op"] == "ask":
            answer = described(connection.sendSync(*map(argument, command["args"])))
        elif command["op"] == "receive":
            answer = described(connection.receive(data_only=True, raw=False))
        else:
            connection.close()
            answer = None
        reply = {"ok": answer}
    except Exception as error:
        text = error.args[0] if error.args else ""
        reply = {"error": text.decode() if isinstance(text, bytes) else str(text), "kind": type(error).__name__}
    print(json.dumps(reply), flush=True)
