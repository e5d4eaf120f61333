# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a profile: one host's put in, changed or taken out, the others left as they are. Pure."""
from __future__ import annotations

import json
import re

import yaml
from ansible_collections.knockwork.nft.plugins.module_utils.keys import sequence_text

HEADER = '# Written by knockwork.nft.profile: comments are lost with its next run.\n'

_PATTERN = re.compile(r'[*?\[\\]')


def entries_of(text):
    """What the file says. Raises ValueError where it is not such a file."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)  # the error's own text quotes the line
        raise ValueError('not YAML%s' % (' at line %d' % (mark.line + 1) if mark else '')) from None
    entries = document.get('hosts') if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ValueError('has no list `hosts`')
    return entries


def names_of(entry):
    """The names and patterns of an entry."""
    named = entry.get('host')
    return [str(each) for each in named] if isinstance(named, list) else [str(named)]


def merged(entries, entry):
    """The entries with this one: in the place of that of the same first name, before every pattern if it is new."""
    name = names_of(entry)[0]
    if any(_is(each, name) for each in entries):
        return [entry if _is(each, name) else each for each in entries]
    place = next((number for number, each in enumerate(entries) if any(map(_PATTERN.search, names_of(each)))),
                 len(entries))
    return entries[:place] + [entry] + entries[place:]


def without(entries, name):
    """The entries but for that of this first name."""
    return [each for each in entries if not _is(each, name)]


def text_of(entries):
    """The file that says it."""
    lines = [HEADER + 'knockwork: 1', 'hosts:' if entries else 'hosts: []']
    for entry in entries:
        rest = ['%s: %s' % (key, json.dumps(value)) for key, value in entry.items() if key != 'sequences']
        lines += ['  - ' + rest[0]] + ['    ' + each for each in rest[1:]]
        if entry.get('sequences'):
            lines.append('    sequences:')
            lines += ['      ' + line for each in entry['sequences'] for line in sequence_text(each)]
    return '\n'.join(lines) + '\n'


def _is(entry, name):
    return names_of(entry)[0].lower() == name.lower()
