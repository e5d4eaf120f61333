#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: ruleset
short_description: Port knocking of a host, as one declaration
version_added: 0.1.0
description:
  - Declares the whole port knocking of a host, has knockwork compile it to the nftables table
    C(inet knockwork), and converges the kernel to it in one transaction. Live grants and connections go on.
  - The declaration stands in the task, as options with the names and defaults of its keys, or in a file on
    the host that I(declaration) names.
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
      - C(present) converges the kernel to the declaration.
      - C(absent) removes the table, and with it every protection and grant. A main file that this module
        wrote goes too, unless I(save=false). Drop-ins and files written by others stay, with a warning,
        since the next boot would apply them, unless I(purge=true).
    type: str
    choices: [present, absent]
    default: present
  declaration:
    description:
      - A declaration on the host. The files C(conf.d/*.yml) beside it belong to it.
      - Excludes the keys of a declaration as options.
      - Without it and without any key, the host's own C(/etc/knockwork/knockwork.yml) is applied.
    type: path
  save:
    description:
      - Whether the options are written to C(/etc/knockwork/knockwork.yml), mode 0600, so that the next boot,
        C(knockwork apply) and M(knockwork.nft.sequence) find them. The file appears once the kernel took
        them.
      - Without effect with I(declaration).
    type: bool
    default: true
  boot:
    description:
      - Whether C(knockwork.service) is enabled, so that the gate stands again after a reboot. Where it is enabled
        already, nothing changes. It stays enabled where I(confirm_within) takes the rest back.
      - Where no package brought the units, this module writes them to C(/etc/systemd/system).
      - A host on which systemd does not run gets a warning instead, and so does a
        declaration that the unit does not apply, as with I(save=false) or another I(declaration).
      - C(false) leaves the unit alone.
      - Only with C(state=present).
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
      - Whether a declaration is applied none of whose I(interfaces) exists yet. Nothing is protected until one does.
      - One that is absent beside others is a warning.
    type: bool
    default: false
  exclusive:
    description:
      - Whether drop-ins that are not in I(drop_ins) are removed with the same change, so that what a role opened does
        not stay open once the role is gone.
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
      - A key of 16 bytes or more for the fingerprints of this host, written to C(/etc/knockwork/fingerprint.key). With
        the same key on every host, and in C(~/.config/knockwork/fingerprint.key) of the controller, the same sequence
        has the same fingerprint everywhere.
      - Without it the host keeps the key that it has, by default one that nobody else knows.
    type: str
  lint:
    description:
      - Whether what C(knockwork lint) advises is a warning, for example ports that are equally spaced or that scanners
        try first.
      - Where more than 25 sequences are declared, C(knockwork lint) on the host tells.
    type: bool
    default: true
  purge:
    description:
      - "Only with C(state=absent): whether C(knockwork.service) is disabled and everything below C(/etc/knockwork) and
        C(/var/lib/knockwork) removed, too, whoever wrote it: drop-ins, secrets, records of epochs, saved grants. Only
        the command stays that the controller may have brought."
    type: bool
    default: false
  mode:
    description:
      - C(gate) refuses the services that sequences open, until they are granted, and leaves everything else
        alone. C(stealth) drops everything that is neither established nor granted nor public.
    type: str
    choices: [gate, stealth]
    default: gate
  public:
    description:
      - >-
        What is open to all and never counts as a wrong knock: services, and protocols by name (C(icmp),
        C(icmpv6/echo-request), C(gre), C(esp), C(ah), C(sctp), C(ospf), C(vrrp), C(igmp) and others) or by number
        (C(proto/47)). An entry that is a mapping is open on one interface or to some sources only. Stealth lets no
        connection in because a helper of conntrack expects it: for an FTP server name its data ports as well. Only
        with C(mode: stealth).
      - A mapping has the keys C(service), and C(interface) or C(from), a list of networks.
    type: list
    elements: raw
    default: []
  ping:
    description:
      - >-
        Whether stealth lets echo requests in, IPv4's and IPv6's, so that this host answers a ping. Only with
        C(mode: stealth): gate refuses none.
    type: bool
    default: true
  refuse:
    description:
      - >-
        How a protected service refuses whoever has no grant. C(auto) answers as this host's closed ports
        answer: gate like a closed port, stealth not at all.
    type: str
    choices: [auto, drop, reject]
    default: auto
  always_allow:
    description:
      - >-
        Sources that never need to knock: the way back in. A network has no host bits set.
    type: list
    elements: str
    default: []
  wrong_knock:
    description:
      - What a wrong knock does. C(lockout) has the knocks of its source ignored for a while, so that a port
        scan opens nothing; C(ignore) does nothing.
    type: str
    choices: [lockout, ignore]
    default: lockout
  lockout:
    description:
      - >-
        How long a lockout lasts after the last wrong knock. Default: the longest C(step_timeout). A shorter
        one would let a slow scan through and is refused. Only with C(wrong_knock: lockout).
    type: str
  guards:
    description:
      - >-
        Ports that nothing legitimate touches, so that touching one is a wrong knock. C(auto) takes the ports
        next to each knock port; C(none) takes none; a list names them, where a port without protocol stands
        for tcp and udp. Only with C(wrong_knock: lockout).
    type: raw
    default: auto
  interfaces:
    description:
      - >-
        Interfaces to protect, by name; one that is absent is a warning, and so is a port of a bridge. C(eth*) means
        all whose names begin with C(eth). Without any: all but loopback. On other interfaces nothing is protected.
    type: list
    elements: str
    default: []
  ipv4_prefix:
    description:
      - >-
        A source is this much of its IPv4 address: 24 for clients whose carrier changes their address within a /24. It
        gives something away: everyone in that network shares a grant, a half-done sequence and a lockout, so that a
        neighbour gets in with you, or locks you out.
    type: int
    default: 32
  ipv6_prefix:
    description:
      - >-
        A source is this much of its IPv6 address: everyone in that network shares a grant. Lockouts always count
        by /64 or shorter.
    type: int
    default: 128
  sources:
    description:
      - How many sources each of the kernel's dynamic sets has room for.
    type: int
    default: 65536
  log:
    description:
      - >-
        What the kernel reports for C(knockwork watch): nothing, each grant, or wrong knocks as well; a flood
        of them is thinned out. Never a port.
    type: str
    choices: [none, grants, all]
    default: none
  sequences:
    description:
      - >-
        The sequences. Drop-in files add theirs: each is such a list by itself. No two bear the same name.
    type: list
    elements: dict
    default: []
    suboptions:
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
            The knocks in their order, 1 to 32 of them: port/protocol; a port alone means udp. C(7000:udp),
            C(udp/7000) and upper case do as well. None of them is a port that is opened, public or a listed guard,
            and no port serves more than 64 knocks in all. Either C(knock) or C(derive).
        type: list
        elements: raw
      opens:
        description:
          - >-
            The services that the sequence opens: port/protocol or first-last/protocol, or a name that this host's
            /etc/services has, as C(ssh) or C(ssh/tcp). They are refused to everyone else.
        type: list
        elements: str
        required: true
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
            Addresses at which the services are: protected and opened there (routed, or one of several
            addresses of this host) instead of on this host. The knocks go to this host.
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
            What becomes of live connections when their source has no grant any longer: they go on, or they
            are cut, silently. Sequences that open the same service agree on it.
        type: str
        choices: [keep, cut]
        default: keep
      derive:
        description:
          - >-
            Draws the knocks from a secret instead of writing them down, anew for each epoch. Epoch 41 of
            C(ssh) is a sequence of its own, C(ssh#41), in reports and in C(once). How they are drawn:
            docs/derivation.md.
        type: dict
        suboptions:
          secret_file:
            description:
              - >-
                The file that holds the secret: an absolute path. C(knockwork derive) makes and fills it;
                nobody but its owner may read it. It is read when the declaration is applied, never to
                validate it.
            type: path
            required: true
          host:
            description:
              - >-
                The name of the host whose sequence it is, in small or capital letters: a client and the host
                must mean the same. Default: this host's name.
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
                The ports to draw from: 256 at least, without those of C(exclude). No sequence uses a port
                twice. Above 32767 this host's own connections take their ports.
            type: str
            default: "1024-32767"
          exclude:
            description:
              - >-
                Ports never to draw, of either protocol: all within C(ports) that sequences open, that are
                public or listed guards, on every host that shares the declaration. A client must exclude the
                same.
            type: list
            elements: str
            default: []
          period:
            description:
              - >-
                How long a drawn sequence is valid, before the next takes its place by the clock: epoch N begins
                N periods after the start of 1970, UTC. Without C(period) and C(epoch) the epochs are those of
                this host's record, 0 at first, which C(knockwork epoch) and the role rotate change.
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
                The number of the sequence in force, where it changes by hand or by a controller instead of
                the clock. Either C(period) or C(epoch).
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

- name: Change it, and have it taken back if it shuts the controller out
  knockwork.nft.ruleset:
    always_allow: [192.0.2.10]
    sequences: "{{ vault_sequences }}"
    confirm_within: 60s

- name: Apply a declaration that a template wrote
  knockwork.nft.ruleset:
    declaration: /etc/knockwork/knockwork.yml

- name: Take away the drop-ins of roles that are gone
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
  description: What was changed, or with check mode would be. Empty where nothing had to be done.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: C(add), C(change) or C(remove).
      type: str
    object:
      description: What kind of thing, for example C(sequence), C(table), C(file) or C(unit).
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
  description: By sequence what would make it harder to find. Sentences without ports.
  returned: success, unless I(state) is C(absent)
  type: dict
  sample:
    ssh:
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
            module.warn('after a reboot what this task applied is not there: a boot applies %s' % MAIN)
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
            module.warn('nothing is declared on this host, unless earlier tasks of this play do so: in check mode they '
                        'wrote no file')
            finish(module, None)
        if not found:
            module.fail_json('there is no declaration %s here: write it, or name its keys as options' % path)
        bring_about(module, core, found, [Draft(each, None) for each in stale], path == MAIN)


def bring_about(module, core, found, drafts, saved):
    """Converges kernel and files to what is declared, and ends the module."""
    drafts = key_of_the_fleet(module) + drafts
    report = converge(module, core, 'apply', found, drafts)
    finish(module, report, drafts, at_boot(module, core, saved), lint=advise(module, core, found))


def key_of_the_fleet(module):
    key = module.params['fingerprint_key']
    if key is not None and len(key.strip().encode()) < 16:
        raise ValueError('fingerprint_key: not a fingerprint key: it needs 16 bytes or more')
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
            module.warn('the declaration below /etc/knockwork stays, and the next boot would apply it again: '
                        'purge: true removes it')
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
        module.fail_json('purge removes everything: it goes with state: absent alone')
    keys = sorted(module.given.intersection(DECLARATION))
    if keys and module.params['declaration']:
        module.fail_json('declaration excludes %s: say it in the file or in the task' % ', '.join(keys))
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
