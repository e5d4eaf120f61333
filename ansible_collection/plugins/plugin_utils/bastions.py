# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bastions as they are written: [user@]host[:port], several separated by commas; none for a direct connection."""
from __future__ import annotations

import re

from ansible.errors import AnsibleError

_HOP = re.compile(r'(?:[^@:\s]+@)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?')


def hops_of(jump: str | None, option: str) -> list[str]:
    """Each of them, in order. Raises AnsibleError, which calls it by its option."""
    hops = [] if jump is None or jump.lower() in ('', 'none') else jump.split(',')
    for hop in hops:
        if not _HOP.fullmatch(hop) or hop.startswith('-'):
            raise AnsibleError('%s: %r is not a bastion: write [user@]host[:port]' % (option, hop))
    return hops
