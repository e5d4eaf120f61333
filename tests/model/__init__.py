"""The kernel against the reference machine: the same packets to both, and no disagreement.

A seed makes a declaration and a script. A trial applies the one in a lab, sends the other from many
sources with real timing, notes what the kernel did with each packet and what its sets hold, then gives
the very same packets with their measured times to `knockwork trace`, and compares.
"""
