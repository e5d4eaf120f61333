#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: ruleset
short_description: Manage the port knocking of a host as one declaration
version_added: 0.1.0
description:
  - Declares the whole port knocking of a host. knockwork compiles the declaration to the nftables table C(inet
    knockwork) and applies the difference to the kernel in one transaction. Live grants and connections continue.
  - The declaration is in the task, as options with the names and defaults of its keys, or in the file I(declaration) on
    the host.
  - Drop-ins C(/etc/knockwork/conf.d/*.yml), which M(knockwork.nft.sequence) writes, are part of the
    declaration.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
options:
  state:
    description:
      - C(present) applies the declaration to the kernel.
      - C(absent) removes the table, and with it every protection and grant, and a main file that this module wrote,
        unless I(save=false). Drop-ins and files from other authors are kept unless I(purge=true), with a warning,
        because the next boot would apply them.
    type: str
    choices: [present, absent]
    default: present
  declaration:
    description:
      - The path of a declaration on the host. It includes the files C(conf.d/*.yml) next to it.
      - Mutually exclusive with the keys of a declaration as options.
      - Without this option and without any key, the host's own C(/etc/knockwork/knockwork.yml) is applied.
    type: path
  save:
    description:
      - Whether the options are written to C(/etc/knockwork/knockwork.yml), mode 0600, so that the next boot,
        C(knockwork apply) and M(knockwork.nft.sequence) use them. The file is written only after the kernel has
        accepted them.
      - Has no effect with I(declaration).
    type: bool
    default: true
  boot:
    description:
      - Whether to enable C(knockwork.service), so that the gate is loaded after a reboot. If it is already enabled,
        nothing changes. It stays enabled if I(confirm_within) rolls the rest back.
      - If no package installed the units, this module writes them to C(/etc/systemd/system).
      - Without systemd there is a warning instead. The same goes for a declaration that the unit does not apply, as
        with I(save=false) or another I(declaration).
      - C(false) does not change the unit.
      - Only with C(state=present).
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
      - Whether to apply a declaration if none of its I(interfaces) exists yet. Nothing is protected until one does.
      - If only some of them are missing, there is a warning.
    type: bool
    default: false
  exclusive:
    description:
      - Whether to remove drop-ins that are not in I(drop_ins) with the same change, so that the services of a role do
        not stay open when you stop using the role.
      - Not with another I(declaration).
    type: bool
    default: false
  drop_ins:
    description:
      - "Only with I(exclusive=true): the names of the sequences that other tasks write with M(knockwork.nft.sequence)."
    type: list
    elements: str
    default: []
  fingerprint_key:
    description:
      - A key of at least 16 bytes for the fingerprints of this host, written to C(/etc/knockwork/fingerprint.key). With
        the same key on every host, and in C(~/.config/knockwork/fingerprint.key) on the controller, a sequence has the
        same fingerprint everywhere.
      - By default, the host keeps its key, which is random and secret.
    type: str
  lint:
    description:
      - Whether to show the advice of C(knockwork lint) as warnings, for example about ports that are equally spaced or
        that scanners try first.
      - If more than 25 sequences are declared, run C(knockwork lint) on the host instead.
    type: bool
    default: true
  purge:
    description:
      - "Only with C(state=absent): whether to also disable C(knockwork.service) and remove everything in
        C(/etc/knockwork) and C(/var/lib/knockwork), including files from other authors: drop-ins, secrets, epoch
        records, saved grants. Only a command that the controller copied to the host is kept."
    type: bool
    default: false
  mode:
    description:
      - >-
        C(gate) refuses the services that sequences open, except to sources with a grant, and does not affect other
        traffic. C(stealth) drops everything that is not established, granted or public.
    type: str
    choices: [gate, stealth]
    default: gate
  public:
    description:
      - >-
        What is open to everyone and never counts as a wrong knock: services, and protocols by name (C(icmp),
        C(icmpv6/echo-request), C(gre), C(esp), C(ah), C(sctp), C(ospf), C(vrrp), C(igmp) and others) or by number
        (C(proto/47)). An entry that is a mapping applies to one interface or to some sources only. Stealth mode does
        not let in connections that a conntrack helper expects: for an FTP server, list its data ports as well. Only
        with C(mode: stealth).
      - A mapping has the key C(service), and C(interface) or C(from) (a list of networks).
    type: list
    elements: raw
    default: []
  ping:
    description:
      - >-
        Whether stealth mode accepts IPv4 and IPv6 echo requests, so that this host answers pings. Only with C(mode:
        stealth): gate mode refuses none.
    type: bool
    default: true
  refuse:
    description:
      - >-
        How a protected service refuses sources without a grant. C(auto) answers like this host's closed ports: in gate
        mode like a closed port, in stealth mode not at all.
    type: str
    choices: [auto, drop, reject]
    default: auto
  always_allow:
    description:
      - >-
        Sources that never need to knock, such as your way back in. Networks must not have host bits set.
    type: list
    elements: str
    default: []
  wrong_knock:
    description:
      - >-
        What a wrong knock does. C(lockout) ignores further knocks from that source for a while, so that a port scan
        opens nothing; C(ignore) does nothing.
    type: str
    choices: [lockout, ignore]
    default: lockout
  lockout:
    description:
      - >-
        How long a lockout lasts after the last wrong knock. Default: the longest C(step_timeout). A shorter lockout is
        an error, because a slow scan would get through. Only with C(wrong_knock: lockout).
    type: str
  guards:
    description:
      - >-
        Ports that no legitimate client uses: a packet to one is a wrong knock. C(auto) means the ports next to each
        knock port; C(none) means no ports; in a list, a port without a protocol means both tcp and udp. Only with
        C(wrong_knock: lockout).
    type: raw
    default: auto
  interfaces:
    description:
      - >-
        Interfaces to protect, by name. A missing interface and a bridge port are warnings. C(eth*) means all interfaces
        whose names begin with C(eth). If empty: all interfaces except loopback. Nothing is protected on other
        interfaces.
    type: list
    elements: str
    default: []
  ipv4_prefix:
    description:
      - >-
        How many leading bits of an IPv4 address identify one source: 24 for clients whose carrier changes their address
        within a /24. This has a price: everyone in that network shares grants, half-finished sequences and lockouts, so
        a neighbour can get in with you or lock you out.
    type: int
    default: 32
  ipv6_prefix:
    description:
      - >-
        How many leading bits of an IPv6 address identify one source: everyone in that network shares grants. Lockouts
        always apply to a /64 or shorter prefix.
    type: int
    default: 128
  sources:
    description:
      - >-
        The maximum number of sources in each of the kernel's dynamic sets.
    type: int
    default: 65536
  log:
    description:
      - >-
        What the kernel reports to C(knockwork watch): nothing, grants, or wrong knocks as well (rate-limited during a
        flood). Never a port.
    type: str
    choices: [none, grants, all]
    default: none
  sequences:
    description:
      - >-
        The sequences. Each drop-in file is such a list, and its sequences are added. Names must be unique.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - >-
            The name of the sequence in reports: 1 to 64 letters, digits and C(.) C(_) C(-) C(@), beginning with a
            letter or digit.
        type: str
        required: true
      knock:
        description:
          - >-
            The knocks in order, 1 to 32 of them: port/protocol; a port alone means udp. C(7000:udp), C(udp/7000) and
            upper case are accepted too. A knock port must not be opened, public or a listed guard, and a port can serve
            at most 64 knocks in total. Either C(knock) or C(derive).
        type: list
        elements: raw
      opens:
        description:
          - >-
            The services that the sequence opens: port/protocol or first-last/protocol, or a name from this host's
            /etc/services, such as C(ssh) or C(ssh/tcp). They are refused to everyone else.
        type: list
        elements: str
        required: true
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
            The maximum time for the whole sequence, in addition to C(step_timeout). Default: as long as its steps
            allow.
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
            The addresses of the services. They are protected and opened at these addresses (routed, or some of this
            host's addresses) instead of at every address of this host. The knocks still go to this host.
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
            Derives the knocks from a secret, with new knocks for each epoch, instead of listing them. Reports and
            C(once) treat epoch 41 of C(ssh) as a separate sequence, C(ssh#41). docs/derivation.md explains the
            derivation.
        type: dict
        suboptions:
          secret_file:
            description:
              - >-
                The absolute path of the file with the secret. C(knockwork derive) generates its contents; only the
                owner may have access. It is read when the declaration is applied, not when it is validated.
            type: path
            required: true
          host:
            description:
              - >-
                The name of the host that the sequence belongs to; case does not matter. The client and the host must
                use the same name. Default: this host's name.
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
                The ports to draw from: at least 256, not counting those in C(exclude). A sequence never uses a port
                twice. This host's own outgoing connections use ports above 32767.
            type: str
            default: "1024-32767"
          exclude:
            description:
              - >-
                Ports that are never drawn, for either protocol. List every port in C(ports) that a sequence opens, that
                is public or that is a listed guard, on any host with this declaration. Clients must exclude the same
                ports.
            type: list
            elements: str
            default: []
          period:
            description:
              - >-
                How long a derived sequence is valid before the clock advances to the next: epoch N begins N periods
                after the start of 1970, UTC. Without C(period) and C(epoch), the host's record has the epochs:
                initially 0; C(knockwork epoch) and the role rotate change it.
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
                The number of the current epoch, if you or a controller advance it instead of the clock. Either
                C(period) or C(epoch).
            type: int
          accepts:
            description:
              - >-
                The epochs that are accepted at the same time, including C(epoch); at most 16. Default: only C(epoch).
                Only with C(epoch).
            type: list
            elements: int
notes:
  - No result, diff, message or journal entry of this module contains a port. Ansible itself quotes lines of a playbook
    in some errors; keep sequences in variable files that are encrypted with ansible-vault.
  - YAML reads a number with a leading zero as octal and C(1:30) as a base-60 number before a module sees it. Write
    durations with their unit and ports with their protocol.
seealso:
  - module: knockwork.nft.sequence
  - module: knockwork.nft.ruleset_info
'''

EXAMPLES = r'''
- name: Conceal SSH
  knockwork.nft.ruleset:
    always_allow: "{{ admin_networks }}"
    sequences:
      - name: ssh
        knock: "{{ vault_ssh_knock }}"   # a list such as [7000/udp, 8000/udp, 9000/udp]
        opens: [22/tcp]
        open_for: 60s

- name: Drop everything but a public web server
  knockwork.nft.ruleset:
    mode: stealth
    public: [80/tcp, 443/tcp]
    sequences: "{{ vault_sequences }}"

- name: Change the declaration, and roll it back if it locks out the controller
  knockwork.nft.ruleset:
    always_allow: [192.0.2.10]
    sequences: "{{ vault_sequences }}"
    confirm_within: 60s

- name: Apply a declaration that a template wrote
  knockwork.nft.ruleset:
    declaration: /etc/knockwork/knockwork.yml

- name: Remove the drop-ins of roles that are no longer used
  knockwork.nft.ruleset:
    exclusive: true
    drop_ins: [backup, monitoring]

- name: Remove the table and the saved declaration
  knockwork.nft.ruleset:
    state: absent

- name: Leave no trace
  knockwork.nft.ruleset:
    state: absent
    purge: true
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
      description: The kind of object, for example C(sequence), C(table), C(file) or C(unit).
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
  description: Advice for each sequence to make it harder to find, as sentences without ports.
  returned: success, unless I(state) is C(absent)
  type: dict
  sample:
    ssh:
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

import os  # noqa: E402

from ansible_collections.knockwork.nft.plugins.module_utils.boot import disable, enable  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.core import CORE, Core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.files import (  # noqa: E402
    HEADER, KEY, MAIN, Draft, drop_in_path, drop_ins, locked, purge, read, sources)
from ansible_collections.knockwork.nft.plugins.module_utils.keys import DECLARATION, declaration_text  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.report import advise, converge, finish  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402


def at_boot(module, core, saved):
    """The changes to what a boot does. It applies the main file: what stands elsewhere it cannot bring back."""
    if not module.params['boot']:
        return []
    if not saved:
        if os.path.isdir('/run/systemd/system'):
            module.warn('a reboot does not load what this task applied: it applies %s' % MAIN)
        return []
    return enable(module, core)


def inline(module, core):
    text = HEADER + declaration_text(module.params)
    with locked(module.check_mode):
        stale = stale_drop_ins(module)
        instead = dict((path, None) for path in stale)
        found = sources(MAIN, dict(instead, **{MAIN: text}))
        drafts = [Draft(MAIN, text)] if module.params['save'] else []
        bring_about(module, core, found, drafts + [Draft(path, None) for path in stale], module.params['save'])


def from_file(module, core):
    path = module.params['declaration'] or MAIN
    with locked(module.check_mode, create=False):
        stale = stale_drop_ins(module) if path == MAIN else []
        found = sources(path, dict((each, None) for each in stale))
        if not found and module.check_mode:
            module.warn('this host has no declaration, unless earlier tasks of this play write one: in check mode they '
                        'did not')
            finish(module, None)
        if not found:
            module.fail_json('the declaration %s does not exist on this host: write it, or set its keys as options'
                             % path)
        bring_about(module, core, found, [Draft(each, None) for each in stale], path == MAIN)


def bring_about(module, core, found, drafts, saved):
    """Converges kernel and files to what is declared, and ends the module."""
    drafts = key_of_the_fleet(module) + drafts
    report = converge(module, core, 'apply', found, drafts)
    finish(module, report, drafts, at_boot(module, core, saved), lint=advise(module, core, found))


def key_of_the_fleet(module):
    key = module.params['fingerprint_key']
    if key is not None and len(key.strip().encode()) < 16:
        raise ValueError('fingerprint_key: a fingerprint key needs at least 16 bytes')
    return [] if key is None else [Draft(KEY, key.rstrip('\n') + '\n')]


def stale_drop_ins(module):
    """The drop-ins that no task of this playbook owns any longer, if this one owns the whole."""
    if not module.params['exclusive']:
        return []
    kept = set(drop_in_path(name) for name in module.params['drop_ins'])
    return [path for path in drop_ins() if path not in kept]


def absent(module, core):
    with locked(module.check_mode, create=False):
        ours = not module.params['declaration'] and (read(MAIN) or '').startswith(HEADER)
        drafts = [Draft(MAIN, None)] if module.params['save'] and ours else []
        report = converge(module, core, 'remove', None, drafts)
        if module.params['purge']:
            finish(module, report, drafts, disable(module) + purge(module, [draft.path for draft in drafts]))
        left = sources(MAIN, dict((draft.path, None) for draft in drafts))
        if left:
            module.warn('the declaration in /etc/knockwork is kept, and the next boot would apply it again: purge: '
                        'true removes it')
        finish(module, report, drafts)


def main():
    module = SecretiveModule(
        argument_spec=dict(
            DECLARATION,
            state=dict(type='str', choices=['present', 'absent'], default='present'),
            declaration=dict(type='path'),
            save=dict(type='bool', default=True),
            boot=dict(type='bool', default=True),
            confirm_within=dict(type='str'),
            revoke_retired=dict(type='bool', default=False),
            allow_absent=dict(type='bool', default=False),
            exclusive=dict(type='bool', default=False),
            drop_ins=dict(type='list', elements='str', default=[]),
            fingerprint_key=dict(type='str', no_log=True),
            lint=dict(type='bool', default=True),
            purge=dict(type='bool', default=False),
            **CORE
        ),
        supports_check_mode=True,
    )
    if module.params['purge'] and module.params['state'] != 'absent':
        module.fail_json('purge removes everything: it requires state: absent')
    keys = sorted(module.given.intersection(DECLARATION))
    if keys and module.params['declaration']:
        module.fail_json('declaration and %s are mutually exclusive: use the file or the options' % ', '.join(keys))
    core = Core(module)
    with module.failures():
        if module.params['state'] == 'absent':
            absent(module, core)
        elif keys:
            inline(module, core)
        else:
            from_file(module, core)


if __name__ == '__main__':
    main()
