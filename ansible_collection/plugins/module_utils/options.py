# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Generated from the table of keys by packaging/generate: edit cpp/src/spec/keys.cpp.
"""The keys of a declaration as module options, and which of them may be shown."""

DERIVE = {
    'secret_file': dict(type='path', required=True, no_log=False),
    'host': dict(type='str'),
    'length': dict(type='int', required=True),
    'protocols': dict(type='list', elements='str', default=['udp']),
    'ports': dict(type='str', default='1024-32767'),
    'exclude': dict(type='list', elements='str', default=[]),
    'period': dict(type='str'),
    'overlap': dict(type='str'),
    'epoch': dict(type='int'),
    'accepts': dict(type='list', elements='int'),
}

TOKEN = {
    'port': dict(type='raw', required=True, no_log=False),
    'secret_file': dict(type='path', no_log=False),
    'key': dict(type='str', no_log=False),
    'host': dict(type='str'),
    'period': dict(type='str', default='15s'),
    'ahead': dict(type='str', default='10m'),
    'skew': dict(type='str', default='2m'),
    'serial': dict(type='int', default=1),
}

SEQUENCE = {
    'name': dict(type='str', required=True),
    'knock': dict(type='list', elements='raw', no_log=False),
    'opens': dict(type='list', elements='str'),
    'closes': dict(type='str'),
    'step_timeout': dict(type='str', default='5s'),
    'open_for': dict(type='str', default='30s'),
    'sequence_timeout': dict(type='str'),
    'from': dict(type='list', elements='str', default=[]),
    'to': dict(type='list', elements='str', default=[]),
    'interfaces': dict(type='list', elements='str', default=[]),
    'connections': dict(type='int'),
    'once': dict(type='bool', default=False),
    'prolong': dict(type='bool', default=False),
    'on_expiry': dict(type='str', choices=['keep', 'cut'], default='keep'),
    'derive': dict(type='dict', options=DERIVE),
    'token': dict(type='dict', options=TOKEN, no_log=False),
}

DECLARATION = {
    'mode': dict(type='str', choices=['gate', 'stealth'], default='gate'),
    'public': dict(type='list', elements='raw', default=[]),
    'ping': dict(type='bool', default=True),
    'refuse': dict(type='str', choices=['auto', 'drop', 'reject'], default='auto'),
    'always_allow': dict(type='list', elements='str', default=[]),
    'wrong_knock': dict(type='str', choices=['lockout', 'ignore'], default='lockout'),
    'lockout': dict(type='str'),
    'guards': dict(type='raw', default='auto'),
    'interfaces': dict(type='list', elements='str', default=[]),
    'ipv4_prefix': dict(type='int', default=32),
    'ipv6_prefix': dict(type='int', default=128),
    'sources': dict(type='int', default=65536),
    'log': dict(type='str', choices=['none', 'grants', 'all'], default='none'),
    'sequences': dict(type='list', elements='dict', default=[], options=SEQUENCE),
}

# Options whose values hold neither ports nor secrets.
SHOWN = frozenset((
    'accepts', 'ahead', 'always_allow', 'closes', 'connections', 'epoch', 'from', 'host', 'interfaces',
    'ipv4_prefix', 'ipv6_prefix', 'length', 'lockout', 'log', 'mode', 'name', 'on_expiry', 'once', 'open_for',
    'overlap', 'period', 'ping', 'prolong', 'protocols', 'refuse', 'sequence_timeout', 'serial', 'skew', 'sources',
    'step_timeout', 'to', 'wrong_knock',
))
NESTED = frozenset(('derive', 'sequences', 'token'))
COUNTED = dict(
    exclude='port', guards='port', knock='knock', opens='service', port='port', ports='port', public='service',
)
