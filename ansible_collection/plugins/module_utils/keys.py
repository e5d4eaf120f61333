# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a declaration as module options: the core's table of keys in Ansible's words."""
import json

DERIVE = dict(
    secret_file=dict(type='path', required=True, no_log=False),  # a path; hidden all the same, see secrecy.py
    host=dict(type='str'),
    length=dict(type='int', required=True),
    protocols=dict(type='list', elements='str', default=['udp']),
    ports=dict(type='str', default='1024-32767'),
    exclude=dict(type='list', elements='str', default=[]),
    period=dict(type='str'),
    overlap=dict(type='str'),
    epoch=dict(type='int'),
    accepts=dict(type='list', elements='int'),
)

SEQUENCE = {
    'name': dict(type='str', required=True),
    'knock': dict(type='list', elements='raw', no_log=False),  # masking fails on short values, see secrecy.py
    'opens': dict(type='list', elements='str', required=True),
    'step_timeout': dict(type='str', default='5s'),
    'open_for': dict(type='str', default='30s'),
    'sequence_timeout': dict(type='str'),
    'from': dict(type='list', elements='str', default=[]),
    'to': dict(type='list', elements='str', default=[]),
    'once': dict(type='bool', default=False),
    'on_expiry': dict(type='str', choices=['keep', 'cut'], default='keep'),
    'derive': dict(type='dict', options=DERIVE),
}

DECLARATION = dict(
    mode=dict(type='str', choices=['gate', 'stealth'], default='gate'),
    public=dict(type='list', elements='raw', default=[]),
    ping=dict(type='bool', default=True),
    refuse=dict(type='str', choices=['auto', 'drop', 'reject'], default='auto'),
    always_allow=dict(type='list', elements='str', default=[]),
    wrong_knock=dict(type='str', choices=['lockout', 'ignore'], default='lockout'),
    lockout=dict(type='str'),
    guards=dict(type='raw', default='auto'),
    interfaces=dict(type='list', elements='str', default=[]),
    ipv4_prefix=dict(type='int', default=32),
    ipv6_prefix=dict(type='int', default=128),
    sources=dict(type='int', default=65536),
    log=dict(type='str', choices=['none', 'grants', 'all'], default='none'),
    sequences=dict(type='list', elements='dict', options=SEQUENCE, default=[]),
)


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
