# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations written out from module options."""
import json

from ansible_collections.knockwork.nft.plugins.module_utils.options import DECLARATION, SEQUENCE

# One sequence as the options of a task that may also remove it.
DROP_IN = dict((key, dict(option, required=key == 'name')) for key, option in SEQUENCE.items())
NEEDED = [key for key, option in SEQUENCE.items() if option.get('required') and key != 'name']


def declaration_text(params):
    """The main file that says what the options say: defaults stay unsaid."""
    lines = ['knockwork: 1']
    for key, value in _said(DECLARATION, params):
        if key == 'sequences':
            lines.append('sequences:')
            for sequence in value:
                lines.extend('  ' + line for line in sequence_text(sequence))
        else:
            lines.append('%s: %s' % (key, json.dumps(value)))
    return '\n'.join(lines) + '\n'


def drop_in_text(sequence):
    """The drop-in that holds one sequence."""
    return '\n'.join(sequence_text(sequence)) + '\n'


def sequence_text(sequence):
    """A sequence as an item of a YAML list, a key to a line; values as JSON, which is YAML."""
    pairs = ['%s: %s' % (key, json.dumps(value)) for key, value in _said(SEQUENCE, sequence)]
    return ['- ' + pairs[0]] + ['  ' + pair for pair in pairs[1:]]


def _said(spec, params):
    for key, option in spec.items():
        value = params.get(key)
        if isinstance(value, dict):
            value = dict(_said(option['options'], value))
        if value is not None and value != option.get('default'):
            yield key, value
