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
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
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
  confirm_within:
    description:
      - How long the host waits for a confirmation after a change, as in C(60s) or C(5m), from C(1s) to C(1h). Without a
        confirmation, the host rolls the change back, including the file that this module wrote, whatever happens to the
        controller.
      - The confirmation is part of the task. The task closes the connection, opens a new one (with a fresh knock if the
        connection plugin knocks) and confirms over it. So a change that locks out the controller fails the task and is
        rolled back. A grant from before the change proves nothing.
      - If nothing changes, in check mode, and when the table is removed, there is nothing to confirm.
      - Not compatible with C(async).
    type: str
  revoke_retired:
    description:
      - For emergencies. The grants of sequences that this task removes or changes are revoked in the same transaction,
        and connections to their services are cut, unless the source has a grant from another sequence or is in
        I(always_allow). The connection over which the module runs is not cut.
      - By default, the grants expire as usual and the connections continue.
    type: bool
    default: false
  allow_absent:
    description:
      - Whether to apply a declaration if none of its C(interfaces) exists yet. Nothing is protected until one does.
      - If only some of them are missing, there is a warning.
    type: bool
    default: false
  lint:
    description:
      - Whether to show the advice of C(knockwork lint) about this sequence as warnings, for example about ports that
        are equally spaced or that scanners try first.
      - If more than 25 sequences are declared, run C(knockwork lint) on the host instead.
    type: bool
    default: true
  name:
    description:
      - >-
        The name of the sequence in reports: 1 to 64 letters, digits and C(.) C(_) C(-) C(@), beginning with a letter or
        digit.
    type: str
    required: true
  knock:
    description:
      - >-
        The knocks in order, 1 to 32 of them: port/protocol; a port alone means udp. C(7000:udp), C(udp/7000) and upper
        case are accepted too. A knock port must not be opened, public or a listed guard, and a port can serve at most
        64 knocks in total. Either C(knock) or C(derive).
    type: list
    elements: raw
  opens:
    description:
      - >-
        The services that the sequence opens: port/protocol or first-last/protocol, or a name from this host's
        /etc/services, such as C(ssh) or C(ssh/tcp). They are refused to everyone else.
    type: list
    elements: str
  step_timeout:
    description:
      - >-
        The maximum time between one knock and the next.
    type: str
    default: 5s
  open_for:
    description:
      - >-
        How long new connections are accepted after the last knock. Live connections continue.
    type: str
    default: 30s
  sequence_timeout:
    description:
      - >-
        The maximum time for the whole sequence, in addition to C(step_timeout). Default: as long as its steps allow.
    type: str
  from:
    description:
      - >-
        Sources that may use the sequence. If empty: all.
    type: list
    elements: str
    default: []
  to:
    description:
      - >-
        The addresses of the services. They are protected and opened at these addresses (routed, or some of this host's
        addresses) instead of at every address of this host. The knocks still go to this host.
    type: list
    elements: str
    default: []
  once:
    description:
      - >-
        After one grant, the kernel ignores the sequence until C(knockwork renew NAME) or until its knocks change.
    type: bool
    default: false
  on_expiry:
    description:
      - >-
        What happens to live connections when their source no longer has a grant: C(keep) lets them continue, C(cut)
        silently drops their packets. Sequences that open the same service must agree.
    type: str
    choices: [keep, cut]
    default: keep
  derive:
    description:
      - >-
        Derives the knocks from a secret, with new knocks for each epoch, instead of listing them. Reports and C(once)
        treat epoch 41 of C(ssh) as a separate sequence, C(ssh#41). docs/derivation.md explains the derivation.
    type: dict
    suboptions:
      secret_file:
        description:
          - >-
            The absolute path of the file with the secret. C(knockwork derive) generates its contents; only the owner
            may have access. It is read when the declaration is applied, not when it is validated.
        type: path
        required: true
      host:
        description:
          - >-
            The name of the host that the sequence belongs to; case does not matter. The client and the host must use
            the same name. Default: this host's name.
        type: str
      length:
        description:
          - >-
            The number of knocks.
        type: int
        required: true
      protocols:
        description:
          - >-
            The protocols to draw from, independently for each knock.
        type: list
        elements: str
        default: [udp]
      ports:
        description:
          - >-
            The ports to draw from: at least 256, not counting those in C(exclude). A sequence never uses a port twice.
            This host's own outgoing connections use ports above 32767.
        type: str
        default: "1024-32767"
      exclude:
        description:
          - >-
            Ports that are never drawn, for either protocol. List every port in C(ports) that a sequence opens, that is
            public or that is a listed guard, on any host with this declaration. Clients must exclude the same ports.
        type: list
        elements: str
        default: []
      period:
        description:
          - >-
            How long a derived sequence is valid before the clock advances to the next: epoch N begins N periods after
            the start of 1970, UTC. Without C(period) and C(epoch), the host's record has the epochs: initially 0;
            C(knockwork epoch) and the role rotate change it.
        type: str
      overlap:
        description:
          - >-
            How long both sequences are accepted before and after each rotation; must be shorter than C(period). It
            covers clock differences and the time between two applies. Default: no overlap. Only with C(period).
        type: str
      epoch:
        description:
          - >-
            The number of the current epoch, if you or a controller advance it instead of the clock. Either C(period) or
            C(epoch).
        type: int
      accepts:
        description:
          - >-
            The epochs that are accepted at the same time, including C(epoch); at most 16. Default: only C(epoch). Only
            with C(epoch).
        type: list
        elements: int
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
    name: "{{ item.name }}"
    knock: "{{ item.knock }}"
    opens: "{{ item.opens }}"
    apply: false
  loop: "{{ vault_sequences }}"
  loop_control:
    label: "{{ item.name }}"   # otherwise Ansible prints the whole item

- name: Apply the host's declaration
  knockwork.nft.ruleset:

- name: Remove a sequence; its grants still expire normally
  knockwork.nft.sequence:
    name: backup
    state: absent
'''

RETURN = r'''
changes:
  description: What was changed or, in check mode, would be changed. Empty if there was nothing to do.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: C(add), C(change) or C(remove).
      type: str
    object:
      description: The kind of object, for example C(sequence), C(table) or C(file).
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
lint:
  description: Advice to make the sequence harder to find, as sentences without ports.
  returned: success
  type: list
  elements: str
  sample:
    - the ports are equally spaced, so that a sweep in steps of that width opens it; draw them at random
diagnostics:
  description: >-
    Every error in the declaration, if it is invalid. An error in an option has a path; an error in an existing file
    also has a position.
  returned: failure
  type: list
  elements: dict
  sample:
    - file: ''
      line: 0
      column: 0
      width: 0
      path: sequences[0].knock[1]
      message: not a port
      remedy: write a number from 1 to 65535, and a protocol
'''

from ansible_collections.knockwork.nft.plugins.module_utils.boot import warn_unless_enabled  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.core import CORE, Core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.files import (  # noqa: E402
    HEADER, MAIN, Draft, drop_in_path, locked, sources)
from ansible_collections.knockwork.nft.plugins.module_utils.keys import SEQUENCE, drop_in_text  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.ownership import (  # noqa: E402
    check_ownership, command_for_the_rest)
from ansible_collections.knockwork.nft.plugins.module_utils.report import advise, converge, finish  # noqa: E402
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
            SEQUENCE,
            opens=dict(type='list', elements='str'),
            state=dict(type='str', choices=['present', 'absent'], default='present'),
            apply=dict(type='bool', default=True),
            confirm_within=dict(type='str'),
            revoke_retired=dict(type='bool', default=False),
            allow_absent=dict(type='bool', default=False),
            lint=dict(type='bool', default=True),
            **CORE
        ),
        required_if=[('state', 'present', ['opens'])],
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
            if found:
                warn_unless_enabled(module, core)
            advice = advise(module, core, found).get(module.params['name'], []) if present else []
            finish(module, report, [draft], lint=advice)


if __name__ == '__main__':
    main()
