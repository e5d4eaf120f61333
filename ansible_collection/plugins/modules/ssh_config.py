#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What it does is in plugins/action/ssh_config.py.
DOCUMENTATION = r'''
---
module: ssh_config
short_description: Make plain ssh knock, with a section in the controller's ssh_config
version_added: 0.1.0
description:
  - Writes a section for the host into the controller's C(ssh_config), so that anything that runs ssh can reach the
    host, such as C(ansible.posix.synchronize), C(rsync), C(git) or a user. Nothing runs on the host, and no connection
    to it is needed.
  - The section is at the top of the file, because ssh uses the first value that it finds. The profile needs an entry
    for the host, which M(knockwork.nft.profile) writes.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes.on_controller
  - knockwork.nft.controller.profile
options:
  state:
    description:
      - Whether the file should contain the host's section.
    type: str
    choices: [present, absent]
    default: present
  host:
    description:
      - The host's names as used with ssh. The first one identifies the section when it is changed.
      - Defaults to C(inventory_hostname) and C(ansible_host).
    type: list
    elements: str
  jump:
    description:
      - A bastion in front of the host, or several separated by commas; each needs its own section. ssh then does not
        knock on the host itself. Defaults to the variable C(ansible_knockwork_jump), and to its settings in the
        environment and in C(ansible.cfg). C(none) connects directly.
    type: str
  path:
    description:
      - The file.
    type: path
    default: ~/.ssh/config
notes:
  - C(ansible_host), C(ansible_port) and C(ansible_user) are written into the section if they are set.
seealso:
  - module: knockwork.nft.profile
'''

EXAMPLES = r'''
- name: Make every ssh of the controller knock
  knockwork.nft.ssh_config:

- name: Copy a tree
  ansible.posix.synchronize:
    src: site/
    dest: /var/www/
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
  sample: /home/admin/.ssh/config
'''
