"""The gate beside other people's firewalls and networks: 20 kinds of neighbours."""
