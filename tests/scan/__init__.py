"""Sweeps, nmap and answers byte for byte: what a scanner learns, and what it opens."""
