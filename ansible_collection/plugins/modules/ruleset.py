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
  - knockwork.nft.converge
  - knockwork.nft.declaration
options:
  state:
    description:
      - C(present) applies the declaration to the kernel.
      - C(absent) removes the table, and with it every protection and grant, and a main file that this module wrote,
        unless I(save=false). Drop-ins and files from other authors are kept unless I(purge=true). A warning then
        says that the next boot applies them.
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
      - Whether to enable and start C(knockwork.service), so that the gate is loaded after a reboot, and again when
        C(nftables.service) is reloaded, which usually flushes all tables. If the unit is enabled and active, nothing
        changes. The unit stays enabled if I(confirm_within) rolls the rest back.
      - If it cannot be enabled, the task fails, but the gate stays loaded. With I(confirm_within), it is confirmed all
        the same if a new connection works.
      - If the declaration changes with time, by tokens or by a I(period), C(knockwork-rotate.timer) is enabled and
        started as well.
      - If no package installed the units, this module writes them to C(/etc/systemd/system).
      - Without systemd there is a warning instead. The same goes for a declaration that the unit does not apply, as
        with I(save=false) or another I(declaration).
      - C(false) does not change the unit.
      - Only with C(state=present).
    type: bool
    default: true
  repair:
    description:
      - Whether to enable and start C(knockwork-drift.service), which sleeps until another program changes the table
        and then puts back what was last applied.
      - C(false) does not change the unit.
      - Only with I(boot=true).
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
  purge:
    description:
      - "Only with C(state=absent): whether to also stop and disable the units and remove everything in
        C(/etc/knockwork) and C(/var/lib/knockwork), including files from other authors: drop-ins, secrets, epoch
        records, saved grants. Only a command that the controller copied to the host is kept."
    type: bool
    default: false
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
# From packaging/returns.yml: changes confirmed pending epochs diagnostics unproved
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
confirmed:
  description: Whether the change was confirmed over a new connection.
  returned: when I(confirm_within) was given and something changed
  type: bool
pending:
  description: The apply that still waits for its confirmation. The host rolls it back when its time is over.
  returned: when I(confirm_within) was given and the change was not confirmed
  type: dict
  contains:
    id:
      description: The ID of the apply.
      type: str
    since:
      description: When it was applied, by the host's clock, in UTC.
      type: str
    deadline:
      description: When the host rolls it back, by the host's clock, in UTC.
      type: str
    remaining_ms:
      description: The milliseconds that were left when the host answered.
      type: int
epochs:
  description: The epochs that the host accepts.
  returned: success, if a sequence takes its epochs from the host's record
  type: list
  elements: int
  sample: [41, 42]
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
lint:
  description: Advice for each sequence to make it harder to find, as sentences without ports.
  returned: success, unless I(state) is C(absent)
  type: dict
  sample:
    ssh:
      - "its ports are equally spaced: a sweep with some stride opens it; draw the ports at random"
'''

import os  # noqa: E402

from ansible_collections.knockwork.nft.plugins.module_utils.boot import disable, enable, repair  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.core import CORE, Core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.files import (  # noqa: E402
    HEADER, KEY, MAIN, Draft, drop_in_path, drop_ins, locked, purge, read, sources)
from ansible_collections.knockwork.nft.plugins.module_utils.keys import declaration_text  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.options import DECLARATION  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.report import CONVERGE, advise, converge, finish  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402


def at_boot(module, core, saved, needs_timer):
    """What a boot does. It applies the main file: what stands elsewhere it cannot bring back."""
    if not module.params['boot']:
        return
    if not saved:
        if os.path.isdir('/run/systemd/system'):
            module.warn('a reboot does not load what this task applied: it applies %s' % MAIN)
        return
    enable(module, core, needs_timer)
    if module.params['repair']:
        repair(module)


def inline(module, core):
    text = HEADER + declaration_text(module.params)
    with locked(module.check_mode):
        stale = stale_drop_ins(module)
        instead = dict((path, None) for path in stale)
        found = sources(MAIN, dict(instead, **{MAIN: text}))
        drafts = [Draft(MAIN, text)] if module.params['save'] else []
        report = bring_about(module, core, found, drafts + [Draft(path, None) for path in stale])
    end(module, core, found, module.params['save'], report)


def from_file(module, core):
    path = module.params['declaration'] or MAIN
    with locked(module.check_mode, create=False):
        stale = stale_drop_ins(module) if path == MAIN else []
        found = sources(path, dict((each, None) for each in stale))
        if not found and module.check_mode:
            module.warn('this host has no declaration, unless earlier tasks of this play write one: in check mode they '
                        'did not')
            finish(module)
        if not found:
            module.fail_json('the declaration %s does not exist on this host: write it, or set its keys as options'
                             % path)
        report = bring_about(module, core, found, [Draft(each, None) for each in stale])
    end(module, core, found, path == MAIN, report)


def bring_about(module, core, found, drafts):
    """Converges kernel and files to what is declared."""
    return converge(module, core, 'apply', found, key_of_the_fleet(module) + drafts)


def end(module, core, found, saved, report):
    """Ends the module. The files may not be locked any more: what starts at boot reads them when it is started."""
    at_boot(module, core, saved, bool(report.get('needs_timer')))
    finish(module, lint=advise(module, core, found))


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
        converge(module, core, 'remove', None, drafts)
        if module.params['purge']:
            disable(module)
            purge(module, [draft.path for draft in drafts])
            finish(module)
        left = sources(MAIN, dict((draft.path, None) for draft in drafts))
        if left:
            module.warn('the declaration in /etc/knockwork is kept, and the next boot would apply it again: purge: '
                        'true removes it')
        finish(module)


def main():
    module = SecretiveModule(
        argument_spec=dict(
            DECLARATION,
            state=dict(type='str', choices=['present', 'absent'], default='present'),
            declaration=dict(type='path'),
            save=dict(type='bool', default=True),
            boot=dict(type='bool', default=True),
            repair=dict(type='bool', default=False),
            exclusive=dict(type='bool', default=False),
            drop_ins=dict(type='list', elements='str', default=[]),
            fingerprint_key=dict(type='str', no_log=True),
            purge=dict(type='bool', default=False),
            **CORE,
            **CONVERGE
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
