#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What it does is in plugins/action/profile.py.
DOCUMENTATION = r'''
---
module: profile
short_description: What the controller knocks on a host
version_added: 0.1.0
description:
  - Writes a host's entry into the controller's profile, the file from which the connection C(knockwork.nft.ssh),
    C(knockwork knock) and C(knockwork connect) know a host's knocks. Nothing runs on the host, and no connection to
    it is needed.
  - Many hosts may write at the same time. The entries of others stay as they are, the file is for its owner alone
    (mode 0600), and it changes only where knockwork can use the whole of it.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes.controller
  - knockwork.nft.controller
  - knockwork.nft.controller.profile
options:
  state:
    description:
      - Whether the profile has the host. With C(absent) only the first of I(host) counts. With its last entry the
        file goes.
    type: str
    choices: [present, absent]
    default: present
  host:
    description:
      - Names of the host, or shell patterns, by which it is asked for. The first one is the entry's own, by which it
        is found and changed. Where several entries of a profile fit, the first counts; a new one is put before all
        that have patterns.
      - Without it C(inventory_hostname) and C(ansible_host).
    type: list
    elements: str
  address:
    description:
      - Where knocks and connections go. Without it C(ansible_host), or where I(host) is given the host as it is
        asked for.
    type: str
  lockout:
    description:
      - The C(lockout) of the host's declaration. Without it the longest C(step_timeout), as there.
    type: str
  sequences:
    description:
      - The sequences of the host, with the keys that M(knockwork.nft.ruleset) has for them; the same list serves
        both. Required with I(state=present).
    type: list
    elements: dict
seealso:
  - module: knockwork.nft.ruleset
  - module: knockwork.nft.knock
'''

EXAMPLES = r'''
- name: The host opens to those who knock
  knockwork.nft.ruleset:
    sequences: "{{ vault_sequences }}"

- name: The controller knows how to knock
  knockwork.nft.profile:
    sequences: "{{ vault_sequences }}"

- name: A host that is no more
  knockwork.nft.profile:
    host: [web7]
    state: absent
'''

RETURN = r'''
changes:
  description: What was changed, or with check mode would be. Empty where nothing had to be done.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: add
      object: host
      name: web1
      before: ""
      after: sequences ssh (hidden)
      why: ""
path:
  description: The file.
  returned: success
  type: str
  sample: /home/admin/.config/knockwork/hosts.yml
'''
