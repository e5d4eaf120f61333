#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: sequence
short_description: One port knocking sequence, as a drop-in
version_added: 0.1.0
description:
  - Writes one sequence to a file of its own, C(/etc/knockwork/conf.d/NAME.yml), mode 0600, so that several
    roles each own a part of a host's declaration and none overwrites another's.
  - The whole declaration, with this part in it, is validated before anything is written. The file changes
    only once the kernel took the declaration, so a failure leaves file and kernel as they were.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
options:
  state:
    description:
      - Whether the host has this sequence. With C(absent) only I(name) counts. When the last part of a
        declaration goes, the table goes with it.
      - A sequence of this name in another file of the declaration, or other sequences in the drop-in, fail the task;
        the message says where they stand.
    type: str
    choices: [present, absent]
    default: present
  apply:
    description:
      - Whether the kernel is converged to the declaration. With C(false) only the file is written, for
        a later M(knockwork.nft.ruleset) or C(knockwork apply) to apply it.
    type: bool
    default: true
  confirm_within:
    description:
      - How long the host waits for a confirmation after a change, as C(60s) or C(5m), from C(1s) to C(1h). Without one
        it takes the change back by itself, with the file that this module wrote, whatever becomes of the controller.
      - The confirmation is part of the task. It drops the connection, makes a new one, with a fresh knock where the
        connection plugin knocks, and confirms over that. So a change that shuts the controller out fails the task
        and leaves the host as it was. A grant from before the change proves nothing.
      - Where nothing changes, and in check mode, nothing waits. Removing the table is never waited for.
      - Excludes C(async).
    type: str
  revoke_retired:
    description:
      - For emergencies. The sequences that this task removes or changes lose their grants in the same transaction, and
        connections to what they opened are cut, unless their source holds another sequence's grant for it or is in
        I(always_allow). The connection over which the module runs goes on.
      - Without it grants expire by themselves, and connections go on.
    type: bool
    default: false
  allow_absent:
    description:
      - Whether a declaration is applied none of whose C(interfaces) exists yet. Nothing is protected until one does.
      - One that is absent beside others is a warning.
    type: bool
    default: false
  lint:
    description:
      - Whether what C(knockwork lint) advises about this sequence is a warning, for example ports that are equally
        spaced or that scanners try first.
      - Where more than 25 sequences are declared, C(knockwork lint) on the host tells.
    type: bool
    default: true
  name:
    description:
      - >-
        What reports call the sequence: 1 to 64 letters, digits and C(.) C(_) C(-) C(@), a letter or digit
        first.
    type: str
    required: true
  knock:
    description:
      - >-
        The knocks in their order, 1 to 32 of them: port/protocol; a port alone means udp. C(7000:udp), C(udp/7000)
        and upper case do as well. None of them is a port that is opened, public or a listed guard, and no port serves
        more than 64 knocks in all. Either C(knock) or C(derive).
    type: list
    elements: raw
  opens:
    description:
      - >-
        The services that the sequence opens: port/protocol or first-last/protocol, or a name that this host's
        /etc/services has, as C(ssh) or C(ssh/tcp). They are refused to everyone else.
    type: list
    elements: str
  step_timeout:
    description:
      - How long after one knock the next is expected.
    type: str
    default: 5s
  open_for:
    description:
      - How long new connections are accepted after the last knock. Live connections go on.
    type: str
    default: 30s
  sequence_timeout:
    description:
      - >-
        How long the whole sequence may take, beside C(step_timeout). Default: as long as its steps allow.
    type: str
  from:
    description:
      - >-
        Sources that may use the sequence. Without any: all.
    type: list
    elements: str
    default: []
  to:
    description:
      - >-
        Addresses at which the services are: protected and opened there (routed, or one of several addresses
        of this host) instead of on this host. The knocks go to this host.
    type: list
    elements: str
    default: []
  once:
    description:
      - >-
        After one grant the kernel itself refuses the sequence, until C(knockwork renew NAME) or until its
        knocks change.
    type: bool
    default: false
  on_expiry:
    description:
      - >-
        What becomes of live connections when their source has no grant any longer: they go on, or they are
        cut, silently. Sequences that open the same service agree on it.
    type: str
    choices: [keep, cut]
    default: keep
  derive:
    description:
      - >-
        Draws the knocks from a secret instead of writing them down, anew for each epoch. Epoch 41 of C(ssh)
        is a sequence of its own, C(ssh#41), in reports and in C(once). How they are drawn:
        docs/derivation.md.
    type: dict
    suboptions:
      secret_file:
        description:
          - >-
            The file that holds the secret: an absolute path. C(knockwork derive) makes and fills it; nobody
            but its owner may read it. It is read when the declaration is applied, never to validate it.
        type: path
        required: true
      host:
        description:
          - >-
            The name of the host whose sequence it is, in small or capital letters: a client and the host must
            mean the same. Default: this host's name.
        type: str
      length:
        description:
          - >-
            How many knocks to draw.
        type: int
        required: true
      protocols:
        description:
          - >-
            The protocols to draw from, each knock by itself.
        type: list
        elements: str
        default: [udp]
      ports:
        description:
          - >-
            The ports to draw from: 256 at least, without those of C(exclude). No sequence uses a port twice.
            Above 32767 this host's own connections take their ports.
        type: str
        default: "1024-32767"
      exclude:
        description:
          - >-
            Ports never to draw, of either protocol: all within C(ports) that sequences open, that are public
            or listed guards, on every host that shares the declaration. A client must exclude the same.
        type: list
        elements: str
        default: []
      period:
        description:
          - >-
            How long a drawn sequence is valid, before the next takes its place by the clock: epoch N begins N
            periods after the start of 1970, UTC. Without C(period) and C(epoch) the epochs are those of this
            host's record, 0 at first, which C(knockwork epoch) and the role rotate change.
        type: str
      overlap:
        description:
          - >-
            How long before a boundary the next sequence is accepted already, and after it the one before
            still; shorter than C(period). It covers clocks that differ and the time between two applies.
            Default: not at all. Only with C(period).
        type: str
      epoch:
        description:
          - >-
            The number of the sequence in force, where it changes by hand or by a controller instead of the
            clock. Either C(period) or C(epoch).
        type: int
      accepts:
        description:
          - >-
            The epochs that are accepted side by side, C(epoch) among them, 16 at most. Default: C(epoch)
            alone. Only with C(epoch).
        type: list
        elements: int
notes:
  - No result, diff, message or journal entry of this module holds a port. Ansible itself quotes lines of a
    playbook in some of its errors; keep sequences in variable files, encrypted with ansible-vault.
  - YAML reads a number with a leading zero as octal and C(1:30) as sixty-fold before a module sees it. Write
    durations with their unit and ports with their protocol.
seealso:
  - module: knockwork.nft.ruleset
'''

EXAMPLES = r'''
- name: The backup role opens its own port
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
    label: "{{ item.name }}"   # else Ansible prints the whole item

- name: Apply what the host declares
  knockwork.nft.ruleset:

- name: Remove a sequence; its grants expire by themselves
  knockwork.nft.sequence:
    name: backup
    state: absent
'''

RETURN = r'''
changes:
  description: What was changed, or with check mode would be. Empty where nothing had to be done.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: C(add), C(change) or C(remove).
      type: str
    object:
      description: What kind of thing, for example C(sequence), C(table) or C(file).
      type: str
    name:
      description: Which one.
      type: str
    before:
      description: What it was, without ports. Empty where it was added.
      type: str
    after:
      description: What it is to be, without ports. Empty where it was removed.
      type: str
    why:
      description: What differs.
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
  description: What would make the sequence harder to find. Sentences without ports.
  returned: success
  type: list
  elements: str
  sample:
    - the ports are equally spaced, so that a sweep in steps of that width opens it; draw them at random
diagnostics:
  description: >-
    Every fault of the declaration, where it cannot be used. A fault of an option has a path; one of a file that
    was there before also a place.
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
