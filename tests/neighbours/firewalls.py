"""Firewalls of this host's own input: ufw, firewalld, fail2ban."""

from bed.router import Router
from neighbours.neighbour import Neighbour, web


def _jail(lab: Router) -> dict[str, str]:
    """Port 80 for a banned address, and for others."""
    banned = {f"{caller.source} 80": caller.tcp(80) for caller in (lab.stranger, lab.stranger6)}
    return {**web(lab), **banned}


_FINAL = {"public": "reject with icmpx admin-prohibited", "drop": "drop", "trusted": "accept"}
# A refused connection is translated to a closed port, and firewalld accepts what is translated before its zones.
_TRANSLATED = "firewalld lets translated connections in: the host's own refusal answers"
_UNLIKE = {"public": {"tcp": _TRANSLATED, "udp": "the zone's refusal would quote another port: silence"},
           "drop": {"tcp": _TRANSLATED}}

KINDS = (
    Neighbour("ufw", public="80/tcp"),
    *(Neighbour(f"firewalld-{zone}", "firewalld", {"ZONE": zone, "FINAL": final}, public="80/tcp",
                unlike=_UNLIKE.get(zone, {}))
      for zone, final in _FINAL.items()),
    Neighbour("fail2ban", traffic=_jail, public="80/tcp"),
)
