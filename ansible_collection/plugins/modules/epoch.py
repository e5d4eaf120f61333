#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: epoch
short_description: One phase of a rotation on one host
version_added: 0.1.0
description:
  - Sequences with C(derive) and without C(period) and C(epoch) take their epochs from the host's record. This module
    changes the record, and the kernel with it.
  - First use C(published) on every host, so that each host accepts both the old and the new epoch. Then use C(used), so
    that the controller knocks with the new epoch and gets in. Last, use C(retired) to remove the old epochs; it
    reconnects, and fails if the controller did not get in with the new one. No client is locked out even if a run is
    interrupted, and the next run continues where it stopped. The role P(knockwork.nft.rotate#role) does all three.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
options:
  state:
    description:
      - C(published) makes the host accept I(epoch) in addition to the epochs that it already accepts.
      - C(used) writes I(epoch) into the host's entry in the controller's profile, if its derived sequences have a lower
        epoch, and reconnects. If the host does not let the controller in, the module fails, and the profile stays as
        it was. Nothing is changed on the host.
      - C(retired) makes the host stop accepting epochs before I(epoch). The module fails if the host does not accept
        I(epoch) yet. In check mode it assumes that I(epoch) was published before, and requires no proof.
    type: str
    choices: [published, used, retired]
    required: true
  epoch:
    description:
      - The number of the new epoch.
    type: int
    required: true
  expected_epoch:
    description:
      - The current epoch of the fleet, or its epoch before an interrupted run. If a host accepts an epoch other than
        this one and I(epoch), someone else has rotated it in the meantime, and the module fails.
      - A host at epoch 0 (newly installed) is updated. It gets I(expected_epoch) too, so that the profile opens it
        until the controller uses I(epoch).
    type: int
  fresh:
    description:
      - "Only with C(state: retired): whether to fail unless the controller got in with I(epoch) or a later epoch, or
        needs no knock."
    type: bool
    default: true
  revoke:
    description:
      - "Only with C(state: retired): whether to revoke the grants of the retired epochs and cut their connections
        immediately. For leaked secrets."
    type: bool
    default: false
  master_secret_file:
    description:
      - "Only with C(state: published): the file on the controller with the fleet's master secret; it may be encrypted
        with ansible-vault. The host's keys are derived from it and written to I(secret_file) before the epoch is
        published, so a new secret takes effect with a new epoch."
      - Without this and I(master_secret), the host keeps its secret.
    type: path
  master_secret:
    description:
      - The master secret itself, for example from a variable in Ansible Vault. It stays in the controller's memory and
        is never sent to the host.
    type: str
  secret_file:
    description:
      - The file for the keys on the host, mode 0600. The module fails if the host's sequences read other files.
    type: path
    default: /etc/knockwork/secret
  host:
    description:
      - The host's name in its derived sequences and in the profile. Defaults to C(inventory_hostname).
    type: str
  profile:
    description:
      - "With C(state: used): the profile on the controller. Defaults to the variable C(ansible_knockwork_profile), its
        settings in the environment and in C(ansible.cfg), or C(~/.config/knockwork/hosts.yml)."
    type: path
  host_key:
    description:
      - The contents of I(secret_file). The controller generates it from I(master_secret_file).
    type: str
attributes:
  action:
    description: Partly runs on the controller.
    support: partial
notes:
  - The host applies the declaration in C(/etc/knockwork), as written by M(knockwork.nft.sequence).
seealso:
  - module: knockwork.nft.sequence
  - module: knockwork.nft.profile
'''

EXAMPLES = r'''
- name: Accept epoch 42 in addition to 41 on every host
  knockwork.nft.epoch:
    state: published
    epoch: 42
    expected_epoch: 41
    master_secret_file: /root/fleet/secret

- name: Knock with epoch 42 from now on
  knockwork.nft.epoch:
    state: used
    epoch: 42

- name: Stop accepting epoch 41
  knockwork.nft.epoch:
    state: retired
    epoch: 42
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
epochs:
  description: The epochs that the host accepts now or, in check mode, would accept. Empty for a host without a
    declaration.
  returned: success, unless I(state) is C(used)
  type: list
  elements: int
  sample: [41, 42]
'''

from ansible_collections.knockwork.nft.plugins.module_utils.core import Core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.epochs import EXCLUSIVE, SPEC, fault_of  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.files import (  # noqa: E402
    MAIN, Draft, locked, sources)
from ansible_collections.knockwork.nft.plugins.module_utils.report import finish  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402


def question(params):
    asked = dict(phase=dict(published='publish', retired='retire')[params['state']], epoch=params['epoch'],
                 prove=params['fresh'], revoke_retired=params['revoke'], sources=sources(MAIN))
    if params['expected_epoch'] is not None:
        asked['expected'] = params['expected_epoch']
    if params['host_key'] is not None:
        asked['keys'] = dict(file=params['secret_file'], text=params['host_key'])
    return asked


def new_keys(params):
    """The file of keys, if it changes. The core writes it, and asks only that no one else may read it."""
    if params['host_key'] is None:
        return []
    keys = Draft(params['secret_file'], params['host_key'])
    return [keys] if keys.text != keys.before else []


def main():
    module = SecretiveModule(
        argument_spec=SPEC,
        mutually_exclusive=EXCLUSIVE,
        supports_check_mode=True,
    )
    core = Core(module)
    with module.failures():
        if module.params['state'] == 'used':
            raise ValueError('state: used runs on the controller; call this module as knockwork.nft.epoch')
        fault = fault_of(module.params)
        if fault:
            raise ValueError(fault)
        if not sources(MAIN):
            module.warn('this host has no declaration, so there is nothing to rotate')
            module.exit_json(changed=False, changes=[], epochs=[])
        with locked(module.check_mode):
            drafts = new_keys(module.params)
            finish(module, core.ask('rotate', **question(module.params)), drafts)


if __name__ == '__main__':
    main()
