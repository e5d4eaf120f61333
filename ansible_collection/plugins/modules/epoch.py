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
  - First C(published) on every host, so that each accepts old and new. Then C(used), by which the controller knocks
    with the new epoch and connects anew. Last C(retired), which takes the old ones away, and refuses to where the
    controller has not come in by the new one. So whatever is interrupted, nobody is shut out, and the next run
    goes on from where it stood. The role P(knockwork.nft.rotate#role) does all three.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
options:
  state:
    description:
      - C(published) has the host accept I(epoch) beside those it accepts already.
      - C(used) writes I(epoch) into the host's entry of the controller's profile, where its derived sequences have a
        lower one, and ends the connection, so that the next task knocks with it. Nothing runs on the host.
      - C(retired) has the host accept no epoch before I(epoch) any longer. If it does not accept I(epoch) itself yet
        the module fails. In check mode it goes on as if I(epoch) had been published before, and asks for no proof.
    type: str
    choices: [published, used, retired]
    required: true
  epoch:
    description:
      - The number of the epoch that shall be in force.
    type: int
    required: true
  expected_epoch:
    description:
      - Where the fleet stands, or stood before an interrupted run. A host that accepts any other epoch but this and
        I(epoch) was rotated by somebody else in between, and the module fails.
      - A host at epoch 0, as newly installed, is brought along. It gets I(expected_epoch) too, so that the profile
        opens it until the controller uses I(epoch).
    type: int
  fresh:
    description:
      - "Only with C(state: retired): whether to refuse unless the controller came in by I(epoch) or a later one,
        or needs no knock."
    type: bool
    default: true
  revoke:
    description:
      - "Only with C(state: retired): whether those who came in by an epoch that goes lose what it granted, and their
        connections, at once. For secrets that got out."
    type: bool
    default: false
  master_secret_file:
    description:
      - "Only with C(state: published): the fleet's master secret, a file of the controller, which ansible-vault may
        have encrypted. The host's keys are made from it and written to I(secret_file) before the epoch is published.
        So a new secret comes with a new epoch."
      - Without it and I(master_secret) the host keeps the secret that it has.
    type: path
  master_secret:
    description:
      - The same as a value, such as a variable in Ansible Vault. The controller keeps it in memory, and the host never
        gets it.
    type: str
  secret_file:
    description:
      - Where the host keeps its keys, mode 0600.
    type: path
    default: /etc/knockwork/secret
  host:
    description:
      - The name by which the host's sequences are derived, and its entry in the profile. Without it
        C(inventory_hostname).
    type: str
  profile:
    description:
      - "With C(state: used): the profile, on the controller. Without it the variable C(ansible_knockwork_profile), or
        C(~/.config/knockwork/hosts.yml)."
    type: path
  host_key:
    description:
      - What I(secret_file) is to hold. The controller makes it of I(master_secret_file).
    type: str
attributes:
  action:
    description: A part of it runs on the controller.
    support: partial
notes:
  - The host applies the declaration below C(/etc/knockwork), as M(knockwork.nft.sequence) writes it.
seealso:
  - module: knockwork.nft.sequence
  - module: knockwork.nft.profile
'''

EXAMPLES = r'''
- name: Every host accepts epoch 42 beside 41
  knockwork.nft.epoch:
    state: published
    epoch: 42
    expected_epoch: 41
    master_secret_file: /root/fleet/secret

- name: The controller knocks with epoch 42 from here on
  knockwork.nft.epoch:
    state: used
    epoch: 42

- name: No host accepts epoch 41 any longer
  knockwork.nft.epoch:
    state: retired
    epoch: 42
'''

RETURN = r'''
epochs:
  description: What the host accepts now, or with check mode would. Empty for a host that declares nothing.
  returned: success, unless I(state) is C(used)
  type: list
  elements: int
  sample: [41, 42]
changes:
  description: What was changed, or with check mode would be. Empty where nothing had to be done.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: change
      object: epochs
      name: accepted
      before: "41"
      after: "41, 42"
      why: published
'''

from ansible_collections.knockwork.nft.plugins.module_utils.core import Core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.epochs import EXCLUSIVE, SPEC, fault_of  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.files import (  # noqa: E402
    MAIN, Draft, locked, sources)
from ansible_collections.knockwork.nft.plugins.module_utils.report import converge, finish  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402


def question(params):
    asked = dict(phase=dict(published='publish', retired='retire')[params['state']], epoch=params['epoch'],
                 prove=params['fresh'], revoke_retired=params['revoke'], sources=sources(MAIN))
    if params['expected_epoch'] is not None:
        asked['expected'] = params['expected_epoch']
    return asked


def main():
    module = SecretiveModule(
        argument_spec=SPEC,
        mutually_exclusive=EXCLUSIVE,
        supports_check_mode=True,
    )
    core = Core(module)
    with module.failures():
        if module.params['state'] == 'used':
            raise ValueError('state: used is what the controller does; run this module as knockwork.nft.epoch')
        fault = fault_of(module.params)
        if fault:
            raise ValueError(fault)
        if not sources(MAIN):
            module.warn('this host declares nothing, so there is nothing to rotate: it is left as it is')
            module.exit_json(changed=False, changes=[], epochs=[])
        keys = module.params['host_key']
        with locked(module.check_mode):
            drafts = [] if keys is None else [Draft(module.params['secret_file'], keys)]
            finish(module, rotate(module, core, drafts), drafts)


def rotate(module, core, drafts):
    """The keys first: they serve the old epochs as well."""
    converge(module, core, None, None, drafts)
    return core.ask('rotate', **question(module.params))


if __name__ == '__main__':
    main()
