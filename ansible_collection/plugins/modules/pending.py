#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: pending
short_description: Confirm or roll back an apply that waits for confirmation
version_added: 0.1.0
description:
  - The host rolls back an apply with I(confirm_within) unless it is confirmed in time. M(knockwork.nft.ruleset) and
    M(knockwork.nft.sequence) confirm automatically, over a connection that is newer than the change. Use this module to
    confirm an apply by C(knockwork apply --confirm-within), or to roll an apply back immediately.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
options:
  state:
    description:
      - C(confirmed) keeps the change. C(rolled_back) restores the previous table, with its grants, and the files that
        changed with it.
      - If no apply waits, nothing is done, unless I(id) is given.
    type: str
    choices: [confirmed, rolled_back]
    default: confirmed
  id:
    description:
      - The ID of the apply. The module fails if another apply waits, or none.
      - Defaults to the apply that waits.
    type: str
  fresh:
    description:
      - >-
        Only with C(state: confirmed): whether to fail unless the ssh connection over which this module runs, or a knock
        for it, is newer than the apply. An older connection survives regardless of the new table, so it proves nothing.
      - >-
        C(ControlPersist) keeps older connections open, so run C(meta: reset_connection) first.
    type: bool
    default: false
seealso:
  - module: knockwork.nft.ruleset
  - module: knockwork.nft.sequence
'''

EXAMPLES = r'''
- name: Reconnect
  ansible.builtin.meta: reset_connection

- name: Confirm the apply if a new connection still works
  knockwork.nft.pending:
    fresh: true

- name: Roll back the apply
  knockwork.nft.pending:
    state: rolled_back
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

COMMANDS = dict(confirmed='confirm', rolled_back='rollback')
OUTCOMES = dict(confirmed='kept', rolled_back='rolled back')


def main():
    module = SecretiveModule(
        argument_spec=dict(
            state=dict(type='str', choices=['confirmed', 'rolled_back'], default='confirmed'),
            id=dict(type='str'),
            fresh=dict(type='bool', default=False),
            **CORE
        ),
        supports_check_mode=True,
    )
    state, wanted = module.params['state'], module.params['id']
    core = Core(module)
    with module.failures():
        waiting = core.ask('status').get('pending')
        if waiting is None and not wanted:
            finish(module)
        if module.check_mode and waiting is not None and wanted in (None, waiting['id']):
            finish(module, dict(warnings=[], changes=[dict(
                kind='change', object='apply', name=waiting['id'], before='waits', after=OUTCOMES[state], why='')]))
        finish(module, core.ask(COMMANDS[state], id=wanted or '', prove=module.params['fresh']))


if __name__ == '__main__':
    main()
