# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core's report as a module's result."""


def converge(module, core, command, sources, draft):
    """Asks the core, and lets the file appear once it said yes. No command: nothing to ask."""
    try:
        if draft is not None and not module.check_mode:
            draft.prepare()
        report = core.ask(command, sources=sources or [], **_wishes(module, command, draft)) if command else None
        if draft is not None and not module.check_mode:
            draft.commit()
    finally:
        if draft is not None:
            draft.discard()
    return report


def _wishes(module, command, draft):
    """What else an apply is asked for. One that waits for its confirmation takes the file along that goes with it."""
    if command != 'apply':
        return {}
    wishes = dict(revoke_retired=module.params['revoke_retired'], allow_absent=module.params['allow_absent'])
    if module.params['confirm_within']:
        files = [dict(path=draft.path, before=draft.before, after=draft.text)] if draft is not None else []
        wishes.update(confirm_within=module.params['confirm_within'], files=files)
    return wishes


def finish(module, report, draft=None, more=()):
    """Ends the module: changed is nothing else than that there are changes, the core's and `more`."""
    changes = list(report['changes']) if report else []
    if draft is not None and draft.changed:
        changes.append(draft.change())
    changes.extend(more)
    for warning in report['warnings'] if report else ():
        module.warn(warning)
    result = dict(changed=bool(changes), changes=changes)
    for extra in ('pending', 'epochs', 'must_knock'):
        if report and report.get(extra):
            result[extra] = report[extra]
    if module._diff:
        result['diff'] = diff_of(changes, 'the declaration')
    module.exit_json(**result)


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
