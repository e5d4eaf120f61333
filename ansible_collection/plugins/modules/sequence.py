#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: sequence
short_description: Manage one port knocking sequence as a drop-in
version_added: 0.1.0
description:
  - Writes one sequence to a separate file, C(/etc/knockwork/conf.d/NAME.yml), mode 0600, so that several roles can each
    manage a part of a host's declaration without overwriting the others.
  - The whole declaration, including this part, is validated before anything is written. The file changes only after the
    kernel has accepted the declaration, so a failure changes neither the file nor the kernel.
  - If the declaration changes with time, by tokens or by a C(period), C(knockwork-rotate.timer) is enabled and started.
    If no unit is installed, there is a warning.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
  - knockwork.nft.converge
  - knockwork.nft.declaration.sequence
options:
  state:
    description:
      - Whether the host should have this sequence. With C(absent), only I(name) is used. When the last part of a
        declaration is removed, the table is removed too.
      - The task fails if another file of the declaration has a sequence of this name, or if the drop-in contains other
        sequences; the message names the file.
    type: str
    choices: [present, absent]
    default: present
  apply:
    description:
      - Whether to apply the declaration to the kernel. With C(false), only the file is written, to be applied later by
        M(knockwork.nft.ruleset) or C(knockwork apply).
    type: bool
    default: true
notes:
  - No result, diff, message or journal entry of this module contains a port. Ansible itself quotes lines of a playbook
    in some errors; keep sequences in variable files that are encrypted with ansible-vault.
  - YAML reads a number with a leading zero as octal and C(1:30) as a base-60 number before a module sees it. Write
    durations with their unit and ports with their protocol.
seealso:
  - module: knockwork.nft.ruleset
'''

EXAMPLES = r'''
- name: Open the backup role's own port
  knockwork.nft.sequence:
    name: backup
    knock: "{{ vault_backup_knock }}"
    opens: [873/tcp]
    open_for: 5m

- name: Write two parts, then apply them at once
  knockwork.nft.sequence:
    name: "{{ item }}"
    knock: "{{ vault_sequences[item].knock }}"
    opens: "{{ vault_sequences[item].opens }}"
    apply: false
  loop: [backup, metrics]   # names alone: Ansible prints the items of a loop

- name: Apply the host's declaration
  knockwork.nft.ruleset:

- name: Remove a sequence; its grants still expire normally
  knockwork.nft.sequence:
    name: backup
    state: absent
'''

RETURN = r'''
# From packaging/returns.yml: changes confirmed pending epochs diagnostics unproved
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
confirmed:
  description: Whether the change was confirmed over a new connection.
  returned: when I(confirm_within) was given and something changed
  type: bool
pending:
  description: The apply that still waits for its confirmation. The host rolls it back when its time is over.
  returned: when I(confirm_within) was given and the change was not confirmed
  type: dict
  contains:
    id:
      description: The ID of the apply.
      type: str
    since:
      description: When it was applied, by the host's clock, in UTC.
      type: str
    deadline:
      description: When the host rolls it back, by the host's clock, in UTC.
      type: str
    remaining_ms:
      description: The milliseconds that were left when the host answered.
      type: int
epochs:
  description: The epochs that the host accepts.
  returned: success, if a sequence takes its epochs from the host's record
  type: list
  elements: int
  sample: [41, 42]
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
lint:
  description: Advice to make the sequence harder to find, as sentences without ports.
  returned: success
  type: list
  elements: str
  sample:
    - "its ports are equally spaced: a sweep with some stride opens it; draw the ports at random"
'''

from ansible_collections.knockwork.nft.plugins.module_utils.boot import enable_for_part  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.core import CORE, Core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.files import (  # noqa: E402
    HEADER, MAIN, Draft, drop_in_path, locked, sources)
from ansible_collections.knockwork.nft.plugins.module_utils.keys import DROP_IN, NEEDED, drop_in_text  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.ownership import (  # noqa: E402
    check_ownership, command_for_the_rest)
from ansible_collections.knockwork.nft.plugins.module_utils.report import CONVERGE, advise, converge, finish  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402


def command(module, core, found, draft):
    """What the core is asked to do with what is declared, None where there is nothing to ask."""
    if found:
        return 'apply' if module.params['apply'] else 'validate'
    if not module.params['apply']:
        return None
    return 'remove' if draft.changed else command_for_the_rest(module, core)


def main():
    module = SecretiveModule(
        argument_spec=dict(
            DROP_IN,
            state=dict(type='str', choices=['present', 'absent'], default='present'),
            apply=dict(type='bool', default=True),
            **CORE,
            **CONVERGE
        ),
        required_if=[('state', 'present', NEEDED)],
        supports_check_mode=True,
    )
    core = Core(module)
    present = module.params['state'] == 'present'
    with module.failures():
        path = drop_in_path(module.params['name'])
        with locked(module.check_mode, create=present):
            check_ownership(module, core, path)
            draft = Draft(path, HEADER + drop_in_text(module.params) if present else None)
            found = sources(MAIN, {path: draft.text})
            report = converge(module, core, command(module, core, found, draft), found, [draft])
        if found:  # what is started reads the files: they may not be locked any more
            enable_for_part(module, core, bool(report.get('needs_timer')))
        advice = advise(module, core, found).get(module.params['name'], []) if present else []
        finish(module, lint=advice)


if __name__ == '__main__':
    main()
