# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stanzas of an ssh_config, each between two lines by which it is found again. Pure."""
from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence


def stanza(names: Sequence[str], address: str, port: object = None, user: object = None, jump: str | None = None,
           connect: Iterable[str] = ()) -> list[str]:
    """What brings plain ssh in: by way of a host that has a stanza of its own, or with knocks."""
    lines = ['Host ' + ' '.join(names)]
    lines += ['  HostName ' + address] if address != names[0] else []
    lines += ['  Port %s' % port] if port else []
    lines += ['  User %s' % user] if user else []
    if jump:
        return lines + ['  ProxyJump ' + jump]
    command = ' '.join(shlex.quote(word).replace('%', '%%') for word in connect)
    return lines + ['  ProxyCommand %s %%h %%p' % command, '  ProxyUseFdpass yes']


def replaced(text: str, name: str, lines: Iterable[str]) -> str:
    """The text with this stanza, or with no lines without it. ssh takes the first value: a new one goes to the top."""
    begin, end = '# BEGIN knockwork.nft %s' % name, '# END knockwork.nft %s' % name
    ours = [begin] + list(lines) + [end] if lines else []
    old = text.splitlines()
    if begin in old and end in old[old.index(begin):]:
        first = old.index(begin)
        last = old.index(end, first)
        new = old[:first] + ours + old[last + 1:]
    else:
        new = ours + old
    return '\n'.join(new) + '\n' if new else ''
