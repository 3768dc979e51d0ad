"""Ports for servers that cannot be told to choose one themselves."""
import random
import socket

# Below what Linux gives to outgoing connections: one of those would sooner or later take the port before its server does.
LOWEST, HIGHEST = 10000, 32000


def free_port(with_ipv6=False):
    """A port of 127.0.0.1 (and ::1) that is free for UDP and TCP."""
    addresses = [(socket.AF_INET, "127.0.0.1")] + ([(socket.AF_INET6, "::1")] if with_ipv6 else [])
    for _ in range(100):
        port = random.randint(LOWEST, HIGHEST)
        if all(is_free(family, kind, address, port) for family, address in addresses for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port
    raise RuntimeError("no free port")


def is_free(family, kind, address, port):
    with socket.socket(family, kind) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
