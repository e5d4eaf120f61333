# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""knockwork.nft.profile: a file of the controller, which many hosts write at the same time."""
from __future__ import annotations

import os
from typing import Any, Dict

from ansible.plugins.action import ActionBase
from ansible_collections.knockwork.nft.plugins.module_utils.files import Draft
from ansible_collections.knockwork.nft.plugins.module_utils.options import SEQUENCE
from ansible_collections.knockwork.nft.plugins.module_utils.report import diff_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import (
    COMMON, Refused, invocation, options)
from ansible_collections.knockwork.nft.plugins.plugin_utils.hosts import (
    entry_named, merged, merged_drop_ins, names_of, text_of, without, without_drop_ins)
from ansible_collections.knockwork.nft.plugins.plugin_utils.profile import (
    alone, draft_of, path_of, read_entries, write)
from ansible_collections.knockwork.nft.plugins.plugin_utils.settings import value_of

Values = Dict[str, Any]  # of results, options, variables and entries, by their names

SPEC = dict(
    COMMON,
    host=dict(type='list', elements='str'),
    address=dict(type='str'),
    lockout=dict(type='str'),
    sequences=dict(type='list', elements='dict', options=SEQUENCE),
    drop_in=dict(type='bool', default=False),
    state=dict(type='str', choices=['present', 'absent'], default='present'),
)


class ActionModule(ActionBase):
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> Values:
        result = super().run(tmp, task_vars)
        try:
            params = options(self, SPEC, task_vars)
            entry = _entry(params, self._own_names(task_vars))
            result.update(self._converge(params, entry), invocation=invocation(params))
        except Refused as error:
            result.update(failed=True, changed=False, msg=error.message)
        except OSError as error:
            result.update(failed=True, changed=False, msg='%s: %s' % (error.filename or 'system', error.strerror))
        return result

    def _own_names(self, task_vars: Values) -> list[str]:
        """What this host is called: by a person, and by Ansible's ssh."""
        names = [task_vars['inventory_hostname'], task_vars.get('ansible_host') or task_vars['inventory_hostname']]
        return list(dict.fromkeys(value_of(name, self._templar) for name in names))

    def _converge(self, params: Values, entry: Values) -> Values:
        path = path_of(params['profile'])
        check = self._task.check_mode
        if not check and params['state'] == 'present':
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with alone(path):
            before = read_entries(path)
            after = _after(params, before, entry)
            draft = draft_of(path, after, params['backend'], params['executable'])
            if draft.changed and not check:
                write(draft)
        changes = [_change(draft, before, after, names_of(entry)[0])] if draft.changed else []
        result = dict(changed=bool(changes), changes=changes, path=path)
        return dict(result, diff=diff_of(changes, path)) if self._task.diff else result


def _after(params: Values, before: list[Values], entry: Values) -> list[Values]:
    """The entries as they shall be."""
    present = params['state'] == 'present'
    if not params['drop_in']:
        return merged(before, entry) if present else without(before, names_of(entry)[0])
    if not present:
        return without_drop_ins(before, entry)
    return merged_drop_ins(before, entry, [key for key in ('host', 'address', 'lockout') if params[key] is not None])


def _entry(params: Values, own_names: list[str]) -> Values:
    if (params['state'] == 'present' or params['drop_in']) and not params['sequences']:
        raise Refused('sequences: missing; name what opens the host, with the keys of its declaration')
    entry = dict(host=params['host'] or own_names)
    # Knocks go where Ansible goes, by whichever name they are asked for.
    entry['address'] = params['address'] or (None if params['host'] else own_names[-1])
    entry['lockout'] = params['lockout']
    entry['sequences'] = params['sequences']
    return dict((key, value) for key, value in entry.items() if value is not None)


def _change(draft: Draft, before: list[Values], after: list[Values], name: str) -> Values:
    """Entries by name; what they hold stays unsaid."""
    old, new = entry_named(before, name), entry_named(after, name)
    if old and new and text_of([old]) == text_of([new]):
        return draft.change()
    kind = 'add' if old is None else 'remove' if new is None else 'change'
    return dict(kind=kind, object='host', name=name, before=_told(old), after=_told(new),
                why='content' if kind == 'change' else '')


def _told(entry: Values | None) -> str:
    if entry is None:
        return ''
    sequences = entry.get('sequences') or []
    return 'sequences %s (hidden)' % ', '.join(str(each.get('name')) for each in sequences)
