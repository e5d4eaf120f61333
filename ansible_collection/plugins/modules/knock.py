#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What it does is in plugins/action/knock.py.
DOCUMENTATION = r'''
---
module: knock
short_description: Knock on a host from the controller
version_added: 0.1.0
description:
  - Sends a host its knocks from the controller, and reports whether a port has opened. Nothing runs on the host, and no
    connection to it is needed.
  - The connection plugin C(knockwork.nft.ssh) knocks automatically. Use this module for services other than SSH, and to
    prove that a sequence opens its service.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes.on_controller
  - knockwork.nft.controller
  - knockwork.nft.controller.profile
attributes:
  check_mode:
    description: Can run in check mode, and sends nothing then.
    support: full
    details: Only reads the profile and finds the sequence.
  diff_mode:
    description: Shows changes with C(--diff).
    support: none
  idempotent:
    description: Running the same task again changes nothing.
    support: none
    details: Sends knocks each time, or with I(try_first) only if the port is closed.
options:
  host:
    description:
      - The host to knock on, as named in the profile. With I(knock), any name or address.
      - Defaults to the first of C(ansible_knockwork_host), C(ansible_host) and C(inventory_hostname) that is set.
    type: str
  sequence:
    description:
      - The name of the sequence. Defaults to the one that opens I(wait_open), or else to the only one in the profile
        for the host.
    type: str
  knock:
    description:
      - Knocks to use instead of a profile, in order, as port/protocol; a port alone means udp.
    type: list
    elements: str
  profile_content:
    description:
      - The contents of the profile instead of a file, as text or a mapping, for a profile in Ansible Vault. It stays in
        memory. Defaults to the variable C(ansible_knockwork_profile_content).
    type: raw
  secret:
    description:
      - The fleet's master secret itself, for a secret in Ansible Vault. Every derived sequence in the profile uses it
        instead of its C(secret_file). Defaults to the variable C(ansible_knockwork_secret).
    type: str
  wait_open:
    description:
      - A TCP port, such as C(22/tcp), that proves the opening. The task fails if it does not open. Defaults to the
        first single TCP port that the profile's sequence opens; if there is none, the knocks are sent once, without
        proof.
      - The proof is a handshake that is reset before it completes, so the service does not notice it.
    type: str
  prove:
    description:
      - Whether to prove the opening even without I(wait_open). If not, the knocks are sent once.
    type: bool
    default: true
  try_first:
    description:
      - Whether to knock only if I(wait_open) is not already open.
    type: bool
    default: false
  source:
    description:
      - The controller's address to knock from. By default, the kernel chooses.
    type: str
  interface:
    description:
      - The controller's interface to knock from. By default, the routes decide.
    type: str
  family:
    description:
      - The address family to use.
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
      - The time between two knocks, as in C(50ms). By default, the next knock is sent when the host has answered the
        previous one or, if it does not answer, after C(250ms).
    type: str
  jitter:
    description:
      - The maximum random time added between two knocks.
    type: str
    default: 0ms
  timeout:
    description:
      - How long to wait for each answer of I(wait_open).
    type: str
    default: 5s
  retries:
    description:
      - The maximum number of retries if nothing opens. The pauses increase; the last one lasts until the host's lockout
        is over.
    type: int
  within:
    description:
      - How long to keep knocking if nothing opens, as in C(30s). Without this and I(retries), the host's lockout, for
        each epoch that is tried, plus 10 seconds.
    type: str
seealso:
  - module: knockwork.nft.profile
'''

EXAMPLES = r'''
- name: Open the backup service for the controller
  knockwork.nft.knock:
    sequence: backup
    wait_open: 873/tcp

- name: Check that SSH opens, and continue if it does not
  knockwork.nft.knock:
    wait_open: 22/tcp
  register: knocked
  ignore_errors: true

- name: Knock on a host that is not in the profile
  knockwork.nft.knock:
    host: 192.0.2.1
    knock: "{{ vault_router_knock }}"
  run_once: true
'''

RETURN = r'''
outcome:
  description:
    - C(open), C(refused) or C(unreachable) with proof, C(sent) without, null in check mode.
    - The task fails with C(refused) and C(unreachable).
  returned: when a sequence was found
  type: str
  sample: open
host:
  description: The host, as named in the profile.
  returned: when a sequence was found
  type: str
  sample: web1
address:
  description: The address that was knocked on, null if nothing was sent.
  returned: when a sequence was found
  type: str
  sample: 192.0.2.10
addresses:
  description: The addresses that the outcome applies to; with I(both), one of each family.
  returned: when a sequence was found
  type: list
  elements: str
  sample: [192.0.2.10]
sequence:
  description: The sequence's name, null with I(knock).
  returned: when a sequence was found
  type: str
  sample: ssh
rounds:
  description: How many times the sequence was sent. C(changed) is true if it was sent at all.
  returned: when a sequence was found
  type: int
  sample: 1
'''
