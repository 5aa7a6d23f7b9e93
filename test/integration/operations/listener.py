"""A service manager's ear: prints each datagram that arrives on a Unix socket, and whether a TCP port was open by then."""
import os
import socket
import sys

path = sys.argv[1]
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind("\0" + path[1:] if path.startswith("@") else path)
print("listening", flush=True)
while True:
    data, ancillary, _, _ = socket.recv_fds(ear, 4096, 4) if hasattr(socket, "recv_fds") else (ear.recv(4096), [], 0, None)
    for fd in ancillary:
        os.close(fd)
    print(data.decode().replace("\n", "|"), flush=True)
