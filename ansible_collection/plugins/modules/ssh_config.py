#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What it does is in plugins/action/ssh_config.py.
DOCUMENTATION = r'''
---
module: ssh_config
short_description: Plain ssh through a gate, by the controller's ssh_config
version_added: 0.1.0
description:
  - Writes a stanza for the host into the controller's C(ssh_config), so that whatever starts ssh by itself comes in,
    such as C(ansible.posix.synchronize), C(rsync), C(git) or a person. Nothing runs on the host, and no connection to
    it is needed.
  - The stanza stands at the top of the file, since ssh takes the first value that it finds. The profile needs an entry
    for the host, which M(knockwork.nft.profile) writes.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes.controller
  - knockwork.nft.controller.profile
options:
  state:
    description:
      - Whether the file has the host's stanza.
    type: str
    choices: [present, absent]
    default: present
  host:
    description:
      - The names by which ssh is asked for the host. The first one is the stanza's own, by which it is found and
        changed.
      - Without it C(inventory_hostname) and C(ansible_host).
    type: list
    elements: str
  jump:
    description:
      - A bastion by way of which the host is reached, and which has a stanza of its own. Then nobody knocks on the host
        itself. The variable C(ansible_knockwork_jump) serves as well.
    type: str
  path:
    description:
      - The file.
    type: path
    default: ~/.ssh/config
notes:
  - C(ansible_host), C(ansible_port) and C(ansible_user) go into the stanza where they are set.
seealso:
  - module: knockwork.nft.profile
'''

EXAMPLES = r'''
- name: Whatever starts ssh comes in
  knockwork.nft.ssh_config:

- name: Copy a tree
  ansible.posix.synchronize:
    src: site/
    dest: /var/www/
'''

RETURN = r'''
changes:
  description: What was changed, or with check mode would be. Empty where nothing had to be done.
  returned: success
  type: list
  elements: dict
path:
  description: The file.
  returned: success
  type: str
  sample: /home/admin/.ssh/config
'''
