#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What it does is in plugins/action/profile.py.
DOCUMENTATION = r'''
---
module: profile
short_description: Write a host's knocks into the controller's profile
version_added: 0.1.0
description:
  - Writes a host's entry into the controller's profile, the file from which the connection plugin C(knockwork.nft.ssh),
    C(knockwork knock) and C(knockwork connect) read a host's knocks. Nothing runs on the host, and no connection to it
    is needed.
  - Tasks for many hosts may write at the same time. Entries of other hosts are not changed. Only the owner has access
    to the file (mode 0600), and it changes only if the result is a valid profile.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes.on_controller
  - knockwork.nft.controller
  - knockwork.nft.controller.profile
options:
  state:
    description:
      - Whether the profile should contain the host. With C(absent), only the first name in I(host) is used, unless
        I(drop_in) is set. When its last entry is removed, the file is deleted.
    type: str
    choices: [present, absent]
    default: present
  host:
    description:
      - The host's names, or shell patterns. The first one identifies the entry when it is changed. If several entries
        of a profile match a host, the first one is used; a new entry is inserted before all entries with patterns.
      - Defaults to C(inventory_hostname) and C(ansible_host).
    type: list
    elements: str
  address:
    description:
      - The address for knocks and connections. Defaults to C(ansible_host) or, if I(host) is given, to the host's name
        as used.
    type: str
  lockout:
    description:
      - The C(lockout) in the host's declaration. Defaults to the longest C(step_timeout), as in the declaration.
    type: str
  sequences:
    description:
      - The host's sequences, with the same keys as in M(knockwork.nft.ruleset), so that both can use the same list.
        Required with I(state=present) and with I(drop_in).
      - A C(derive) with neither C(period) nor C(epoch), whose epochs are in the host's record, gets C(epoch) 0 here, or
        keeps the one that M(knockwork.nft.epoch) wrote.
    type: list
    elements: dict
  drop_in:
    description:
      - Whether I(sequences) are drop-ins of the host, as M(knockwork.nft.sequence) writes them. They are then added to
        the host's entry, or replace those with the same names. The entry's other sequences are kept, and I(host),
        I(address) and I(lockout) change only if they are given.
      - Without it, I(sequences) replaces the entry's other sequences, and drop-ins are kept. A comment in the file
        names them.
      - With I(state=absent), only these sequences are removed; of each, only C(name) is used.
    type: bool
    default: false
seealso:
  - module: knockwork.nft.ruleset
  - module: knockwork.nft.knock
'''

EXAMPLES = r'''
- name: Open the host to clients that knock
  knockwork.nft.ruleset:
    sequences: "{{ vault_sequences }}"

- name: Write the controller's profile
  knockwork.nft.profile:
    sequences: "{{ vault_sequences }}"

- name: Remove a host from the profile
  knockwork.nft.profile:
    host: [web7]
    state: absent

- name: Add the sequence of a role that opens its own service
  knockwork.nft.profile:
    sequences:
      - "{{ vault_backup_sequence }}"
    drop_in: true
'''

RETURN = r'''
# From packaging/returns.yml: changes
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
# Until here.
path:
  description: The path of the file.
  returned: success
  type: str
  sample: /home/admin/.config/knockwork/hosts.yml
'''
