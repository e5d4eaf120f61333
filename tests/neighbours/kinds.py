"""All neighbours, in the order of their kinds."""

from neighbours import addresses, containers, firewalls, marks, tracking

KINDS = (*firewalls.KINDS, *containers.KINDS, *marks.KINDS, *addresses.KINDS, *tracking.KINDS)
