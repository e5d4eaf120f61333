#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What it does is in plugins/action/knock.py.
DOCUMENTATION = r'''
---
module: knock
short_description: Knocks on a host, from the controller
version_added: 0.1.0
description:
  - Sends a host its knocks from the controller, and says whether a port has opened. Nothing runs on the host, and
    no connection to it is needed.
  - The connection C(knockwork.nft.ssh) knocks by itself. This module is for services other than SSH, and for
    proving that a sequence opens.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes.controller
  - knockwork.nft.controller
  - knockwork.nft.controller.profile
attributes:
  check_mode:
    description: Can run in check mode, and then sends nothing.
    support: full
    details: Reads the profile, finds the sequence, and no more.
  diff_mode:
    description: Says with C(--diff) what changes.
    support: none
  idempotent:
    description: The same task once more changes nothing.
    support: none
    details: A knock is sent each time, but with I(try_first) only where the port is shut.
options:
  host:
    description:
      - Whom to knock on, as the profile names the host. With I(knock) any name or address.
      - Without it the variable C(ansible_knockwork_host), C(ansible_host) or C(inventory_hostname), the first that
        is there.
    type: str
  sequence:
    description:
      - The name of the sequence. Without it the one that opens I(wait_open), or else the only one that the profile
        has for the host.
    type: str
  knock:
    description:
      - Knocks instead of a profile's, in their order, as port/protocol; a port alone means udp.
    type: list
    elements: str
  profile_content:
    description:
      - The profile itself instead of a file, as text or as a mapping, for a profile in Ansible Vault. It stays in
        memory. The variable C(ansible_knockwork_profile_content) serves as well.
    type: raw
  secret:
    description:
      - The fleet's master secret as a value, for a secret in Ansible Vault. Every derived sequence of the profile takes
        it, and its C(secret_file) is not read. The variable C(ansible_knockwork_secret) serves as well.
    type: str
  wait_open:
    description:
      - A TCP port, like C(22/tcp), that proves the opening. The task fails if it does not open. Without it the first
        single TCP port that the profile's sequence opens; if there is none, the knocks are sent once, and nobody
        knows whether they arrived.
      - The proof is a handshake that is reset before it is a connection, so the service does not notice it.
    type: str
  prove:
    description:
      - Whether to prove the opening without I(wait_open), too. If not, the knocks are sent once.
    type: bool
    default: true
  try_first:
    description:
      - Whether to knock only where I(wait_open) is not open already.
    type: bool
    default: false
  source:
    description:
      - The controller's address to knock from. Without it the kernel chooses.
    type: str
  interface:
    description:
      - The controller's interface to knock from. Without it the routes say.
    type: str
  family:
    description:
      - Which of a host's addresses may be knocked on.
    type: str
    choices: [any, ipv4, ipv6]
    default: any
  both:
    description:
      - Whether to knock on one IPv4 and one IPv6 address of the host, if it has both.
    type: bool
    default: false
  delay:
    description:
      - The time between two knocks, as in C(50ms). Without it the next knock is sent when the host has answered the
        one before; if nothing answers, after C(250ms).
    type: str
  jitter:
    description:
      - At most so much more between two knocks, at random.
    type: str
    default: 0ms
  timeout:
    description:
      - How long to wait for each answer of I(wait_open).
    type: str
    default: 5s
  retries:
    description:
      - How many times more to knock at most if nothing opened. The pauses grow; the last one lasts until the host's
        lockout is over.
    type: int
  within:
    description:
      - How long to go on knocking if nothing opened, as in C(30s). Without it and I(retries) the host's lockout and
        10 seconds more.
    type: str
seealso:
  - module: knockwork.nft.profile
'''

EXAMPLES = r'''
- name: Open the backup service for the controller
  knockwork.nft.knock:
    sequence: backup
    wait_open: 873/tcp

- name: Prove that SSH opens, and go on where it does not
  knockwork.nft.knock:
    wait_open: 22/tcp
  register: knocked
  ignore_errors: true

- name: Knock on something that no profile knows
  knockwork.nft.knock:
    host: 192.0.2.1
    knock: "{{ vault_router_knock }}"
  run_once: true
'''

RETURN = r'''
outcome:
  description:
    - C(open), C(refused) or C(unreachable) if the opening was to be proved, C(sent) if not, null in check mode.
    - The task has failed with C(refused) and C(unreachable).
  returned: when a sequence was found
  type: str
  sample: open
host:
  description: Who was knocked on, as the profile names the host.
  returned: when a sequence was found
  type: str
  sample: web1
address:
  description: Where the knocks went, null where to nowhere.
  returned: when a sequence was found
  type: str
  sample: 192.0.2.10
addresses:
  description: The addresses that the outcome holds for, of I(both) one of each family.
  returned: when a sequence was found
  type: list
  elements: str
  sample: [192.0.2.10]
sequence:
  description: The sequence's name, null for knocks that the task wrote down.
  returned: when a sequence was found
  type: str
  sample: ssh
rounds:
  description: How many times the sequence was sent. C(changed) is true where it was sent at all.
  returned: when a sequence was found
  type: int
  sample: 1
'''
