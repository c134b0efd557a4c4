"""Simulated social networks on loopback, faithful where it hurts, and a fake blog beside them."""

from clinic_broadcast.demo.networks.accounts import CREDENTIALS
from clinic_broadcast.demo.networks.client import Networks, NetworksError

__all__ = ["CREDENTIALS", "Networks", "NetworksError"]
