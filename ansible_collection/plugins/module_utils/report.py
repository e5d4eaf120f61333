# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's report as a module's result."""

import os

from ansible_collections.knockwork.nft.plugins.module_utils.words import in_playbooks

# What every module takes that changes a declaration and applies it.
CONVERGE = dict(
    confirm_within=dict(type='str'),
    revoke_retired=dict(type='bool', default=False),
    allow_absent=dict(type='bool', default=False),
    lint=dict(type='bool', default=True),
)


def converge(module, core, command, sources, drafts=()):
    """Asks the core, and lets the files appear once it said yes. No command: nothing to ask."""
    try:
        if not module.check_mode:
            for draft in drafts:
                draft.prepare()
        if command == 'apply':
            command = _can_be_planned(module, command)
        report = core.ask(command, sources=sources or [], **_wishes(module, command, drafts)) if command else None
        _record(module, report)
        if not module.check_mode:
            for draft in drafts:
                draft.commit()
        _record(module, None, drafts)
    finally:
        for draft in drafts:
            draft.discard()
    return report


def _can_be_planned(module, command):
    """On a host as new, check mode lacks what earlier tasks of the play would have brought."""
    wanted = [module.params] if 'derive' in module.params else module.params['sequences']
    files = [each[key].get('secret_file') for each in wanted for key in ('derive', 'token') if each.get(key)]
    missing = sorted(set(path for path in files if path and not os.path.exists(path)))
    if not missing or not module.check_mode:
        return command
    module.warn('%s does not exist on this host yet, so check mode cannot tell what its sequences would change'
                % ', '.join(missing))
    return 'validate'


def _wishes(module, command, drafts):
    """What else an apply is asked for. One that waits for its confirmation takes the files along that go with it."""
    if command != 'apply':
        return {}
    wishes = dict(revoke_retired=module.params['revoke_retired'], allow_absent=module.params['allow_absent'])
    if module.params['confirm_within']:
        files = [dict(path=draft.path, before=draft.before, after=draft.text) for draft in drafts]
        wishes.update(confirm_within=module.params['confirm_within'], files=files)
    return wishes


def advise(module, core, sources):
    """What lint finds, as warnings: {name: [advice]}. Nothing where the core cannot say, which an apply says better."""
    if not module.params['lint']:
        return {}
    lint, error = core.try_ask('lint', sources=sources)
    found = {} if error else dict((each['name'], each['advice']) for each in lint['sequences'] if each['advice'])
    whose = {}
    for name, advice in found.items():
        for sentence in advice:
            whose.setdefault(sentence, []).append(name)
    for sentence, names in whose.items():
        module.warn('%s: %s' % (', '.join(names), sentence))
    return found


def finish(module, report=None, drafts=(), **results):
    """Ends the module, with what converge() has recorded or with this report: changed is nothing else than that there
    are changes, the core's, the files' and those of the units."""
    _record(module, report, drafts)
    if module._diff:
        results['diff'] = diff_of(module.done['changes'], 'the declaration')
    module.exit_json(**results)


def _record(module, report, drafts=()):
    """From here on it is told, whatever fails next."""
    report = report or dict(changes=[], warnings=[])
    for warning in report['warnings']:
        module.warn(in_playbooks(warning))
    told = dict((key, report[key]) for key in ('pending', 'epochs', 'must_knock') if report.get(key))
    if module.params['detached'] and told.pop('must_knock', None):
        module.warn(must_knock(report['must_knock']))
    module.record(*report['changes'], **told)
    module.record(*(draft.change() for draft in drafts if draft.changed))


def must_knock(address):
    """What an action plugin says with the host's name and what to do; a task with async has none."""
    return ('with this declaration, new connections from %s, the source of this task, have to knock first' % address)


def diff_of(changes, header):
    """The changes as `--diff` shows them."""
    return dict(before_header='this host', after_header=header,
                before=_side(changes, 'before'), after=_side(changes, 'after'))


def _side(changes, side):
    lines = []
    for change in changes:
        if change['kind'] != ('add' if side == 'before' else 'remove'):
            last = side == 'after' or change['kind'] == 'remove'
            why = '  # ' + change['why'] if last and change['why'] else ''
            lines.append('%s %s: %s%s\n' % (change['object'], change['name'], change[side], why))
    return ''.join(lines)
