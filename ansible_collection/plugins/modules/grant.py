#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: grant
short_description: Grant a source access without a knock, or revoke grants
version_added: 0.1.0
description:
  - C(present) grants a source what a sequence opens, as if it had knocked. C(absent) revokes grants and immediately
    cuts the connections that no other grant covers.
  - Once a grant has expired, there is no record of which sequence let a connection in. So with I(sequence), all
    connections to its services are cut, except those from C(always_allow) and the one over which the module runs.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
options:
  state:
    description: Whether the grant should exist.
    type: str
    choices: [present, absent]
    default: present
  source:
    description:
      - The source's address, or a network. With C(present), a network of at most 256 sources. With C(absent), the
        default is all sources.
    type: str
  sequence:
    description:
      - The name of the sequence in the live table. With C(absent), the default is all sequences.
    type: str
  open_for:
    description:
      - >-
        Only with C(state: present): the duration, as in C(60s). Default: the sequence's C(open_for).
      - A grant that already lasts longer is not changed, and the task reports no change.
    type: str
seealso:
  - module: knockwork.nft.ruleset_info
'''

EXAMPLES = r'''
- name: Let the auditor in for an hour
  knockwork.nft.grant:
    source: 192.0.2.7
    sequence: ssh
    open_for: 1h

- name: Let a customer's network in until the end of the working day
  knockwork.nft.grant:
    source: 198.51.100.0/24
    sequence: ssh
    open_for: 8h

- name: Revoke all grants of this sequence and cut its connections
  knockwork.nft.grant:
    sequence: ssh
    state: absent
'''

RETURN = r'''
# From packaging/returns.yml: changes diagnostics unproved
changes:
  description: What was changed or, in check mode, would be changed. Empty if there was nothing to do.
  returned: success, or if the task failed after a change
  type: list
  elements: dict
  contains:
    kind:
      description: C(add), C(change) or C(remove).
      type: str
    object:
      description: The kind of object, for example C(sequence), C(table), C(file), C(unit) or C(connections).
      type: str
    name:
      description: The name of the object.
      type: str
    before:
      description: The state before the change, without ports. Empty if it was added.
      type: str
    after:
      description: The state after the change, without ports. Empty if it was removed.
      type: str
    why:
      description: The difference.
      type: str
  sample:
    - kind: change
      object: sequence
      name: ssh
      before: 3 knocks 91d7bce2, opens 1 service 047c46b4 for 30s, step_timeout 5s
      after: 3 knocks 91d7bce2, opens 1 service 047c46b4 for 30s, step_timeout 10s
      why: step_timeout 5s → 10s
diagnostics:
  description: >-
    Every error in the declaration, if it is invalid. An error in an option has a path; an error in an existing file
    also has a position.
  returned: failure
  type: list
  elements: dict
  contains:
    file:
      description: The file, empty for an option.
      type: str
    line:
      description: The line, counted from 1; 0 for an option.
      type: int
    column:
      description: The column, counted from 1; 0 for an option.
      type: int
    width:
      description: How many characters are wrong; 0 for an option.
      type: int
    path:
      description: The option or key.
      type: str
    message:
      description: What is wrong, without ports.
      type: str
    remedy:
      description: What to do.
      type: str
  sample:
    - file: ''
      line: 0
      column: 0
      width: 0
      path: sequences[0].knock[1]
      message: port out of range
      remedy: a port is a number from 1 to 65535
unproved:
  description: >-
    Whether the host refused because the connection did not prove that a new one is possible, for example because it is
    older than the change.
  returned: failure
  type: bool
# Until here.
'''

from ansible_collections.knockwork.nft.plugins.module_utils.core import CORE, Core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.report import finish  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402


def main():
    module = SecretiveModule(
        argument_spec=dict(
            state=dict(type='str', choices=['present', 'absent'], default='present'),
            source=dict(type='str'),
            sequence=dict(type='str'),
            open_for=dict(type='str'),
            **CORE
        ),
        required_if=[('state', 'present', ['source', 'sequence']), ('state', 'absent', ['source', 'sequence'], True)],
        supports_check_mode=True,
    )
    source, sequence = module.params['source'] or '', module.params['sequence'] or ''
    core = Core(module)
    with module.failures():
        if module.params['state'] == 'absent':
            finish(module, core.ask('revoke', source=source, sequence=sequence))
        time = {'for': module.params['open_for']} if module.params['open_for'] else {}
        finish(module, core.ask('grant', address=source, sequence=sequence, **time))


if __name__ == '__main__':
    main()
