"""Firewalls of this host's own input: ufw, firewalld, fail2ban."""

from bed.router import Router
from neighbours.neighbour import Neighbour, web


def _jail(lab: Router) -> dict[str, str]:
    """Port 80 for a banned address, and for others."""
    banned = {f"{caller.source} 80": caller.tcp(80) for caller in (lab.stranger, lab.stranger6)}
    return {**web(lab), **banned}


_FINAL = {"public": "reject with icmpx admin-prohibited", "drop": "drop", "trusted": "accept"}

KINDS = (
    Neighbour("ufw", public="80/tcp"),
    *(Neighbour(f"firewalld-{zone}", "firewalld", {"ZONE": zone, "FINAL": final}, public="80/tcp")
      for zone, final in _FINAL.items()),
    Neighbour("fail2ban", traffic=_jail, public="80/tcp"),
)
