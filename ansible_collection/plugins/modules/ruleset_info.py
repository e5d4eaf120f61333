#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: ruleset_info
short_description: Read the state of a host's port knocking table
version_added: 0.1.0
description:
  - Reads the live table C(inet knockwork). Sequences have a fingerprint that only this host can compute, never ports. A
    common key makes the fingerprints of several hosts comparable, see I(fingerprint_key) of M(knockwork.nft.ruleset).
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.attributes.info
  - knockwork.nft.backend
seealso:
  - module: knockwork.nft.ruleset
'''

EXAMPLES = r'''
- name: Read the live table
  knockwork.nft.ruleset_info:
  register: knocking

- name: Fail if it does not exist
  ansible.builtin.assert:
    that: knocking.status.present
'''

RETURN = r'''
# From packaging/returns.yml: diagnostics unproved
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
status:
  description: The live table.
  returned: success
  type: dict
  contains:
    present:
      description: Whether the table exists.
      type: bool
    declared:
      description: Whether the host has a declaration. If it has one and there is no table, every service is open.
      type: bool
    foreign:
      description: Present if there is a table C(inet knockwork) that knockwork did not create.
      type: bool
    degraded:
      description:
        - Why the live gate is not the declared one, for example because the declaration could not be applied at the
          last start. Absent otherwise.
      type: str
    mode:
      description: C(gate) or C(stealth).
      type: str
    drift:
      description:
        - Whether the live table differs from the declaration in C(/etc/knockwork). Null if there is no declaration or
          it is invalid; then C(drift_unknown) says why.
      type: bool
    drift_unknown:
      description: Why C(drift) is null. Absent if it is not.
      type: str
    always_allow:
      description: The sources that never need to knock.
      type: list
      elements: str
    interfaces:
      description: The protected interfaces. Empty means all except loopback.
      type: list
      elements: str
    epochs:
      description: The accepted epochs of derived sequences.
      type: list
      elements: int
    sequences:
      description:
        - The sequences, with their number of knocks and services. C(uses) is how many grants each has made since the
          table has it.
      type: list
      elements: dict
    grants:
      description: The sources with a grant, the sequence that granted it, and the remaining time.
      type: list
      elements: dict
    lockouts:
      description: The locked-out sources, and the remaining time.
      type: list
      elements: dict
    half_done:
      description: How many sources are in the middle of a sequence.
      type: int
    sets:
      description:
        - The sets that packets fill, with how many elements each has (C(used)) and has room for (C(size)).
          C(nearly_full) if four fifths are used.
      type: list
      elements: dict
    drifted:
      description:
        - Whether the live table has changed since the last apply. Null if there is no record of that. Unlike
          C(drift), it does not notice a declaration that was not applied yet.
      type: bool
    format:
      description: The version of the table's format.
      type: str
    tokens:
      description:
        - Until when every sequence that tokens open has some (C(until), in UTC, and C(remaining_ms)), the sequences
          that have none (C(out)), and how many used ones the table remembers (C(used)). Absent if tokens open nothing.
      type: dict
    warnings:
      description: What is not protected as declared, for example interfaces that do not exist, as sentences.
      type: list
      elements: str
    boot:
      description:
        - Whether the gate will be loaded after a reboot, according to this host's files. C(stands) is C(yes), C(no) or
          C(unknown), and C(why) is the reason if it is not C(yes). C(installed) and C(enabled) describe
          C(knockwork.service).
        - C(unknown) if systemd does not run, and in a network namespace other than that of process 1.
      type: dict
    pending:
      description:
        - The apply that waits for confirmation, with its C(id), C(since), C(deadline) and C(remaining_ms). Absent if
          none waits.
      type: dict
  sample:
    present: true
    declared: true
    mode: gate
    drift: false
    always_allow: [192.0.2.0/28]
    interfaces: []
    epochs: []
    sequences:
      - name: ssh
        fingerprint: "FINGERPRINT"
        knocks: 3
        services: 1
        uses: 12
    grants:
      - source: 192.0.2.7
        sequence: ssh
        remaining_ms: 21400
    lockouts: []
    half_done: 0
    sets:
      - name: expected4
        used: 3
        size: 65536
        nearly_full: false
    drifted: false
    format: "1"
    boot:
      stands: "yes"
      installed: true
      enabled: true
      why: ""
    warnings: []
'''

import os  # noqa: E402

from ansible_collections.knockwork.nft.plugins.module_utils.core import CORE, Core, complaint  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.files import MAIN, sources  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.words import all_in_playbooks  # noqa: E402


def drift(core):
    """Whether the live table differs from what is declared, None where nobody can tell; and why nobody can."""
    try:
        found = sources(MAIN)
    except (OSError, ValueError) as error:
        return dict(drift=None, drift_unknown=str(error))
    if not found:
        return dict(drift=None, drift_unknown='there is no declaration in %s' % os.path.dirname(MAIN))
    report, error = core.try_ask('plan', sources=found, allow_absent=True)
    if error:
        return dict(drift=None, drift_unknown=complaint(error, [each['text'] for each in found])[0])
    return dict(drift=bool(report['changes']))


def main():
    module = SecretiveModule(argument_spec=dict(CORE), supports_check_mode=True)
    with module.failures():
        core = Core(module)
        module.exit_json(changed=False, status=dict(all_in_playbooks(core.ask('status')), **drift(core)))


if __name__ == '__main__':
    main()
