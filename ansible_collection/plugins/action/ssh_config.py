# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""knockwork.nft.ssh_config: a file of the controller, which many hosts write at the same time."""
from __future__ import annotations

import os
import re
from typing import Any, Dict

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.knockwork.nft.plugins.module_utils.files import Draft
from ansible_collections.knockwork.nft.plugins.module_utils.report import diff_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.bastions import hops_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import (
    COMMON, Refused, invocation, options)
from ansible_collections.knockwork.nft.plugins.plugin_utils.profile import alone, write
from ansible_collections.knockwork.nft.plugins.plugin_utils.settings import value_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.stanzas import replaced, stanza

Values = Dict[str, Any]  # of results, options and variables, by their names

SPEC = dict(
    profile=COMMON['profile'],
    executable=COMMON['executable'],
    host=dict(type='list', elements='str'),
    jump=dict(type='str'),
    path=dict(type='path', default='~/.ssh/config'),
    state=dict(type='str', choices=['present', 'absent'], default='present'),
)
_WORD = re.compile(r'[^\s"#]+')  # what a line of ssh_config takes as it is


class ActionModule(ActionBase):
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> Values:
        result = super().run(tmp, task_vars)
        try:
            params = options(self, SPEC, task_vars)
            result.update(self._converge(params, task_vars), invocation=invocation(params))
        except AnsibleError as error:
            result.update(failed=True, changed=False, msg=error.message)
        except (OSError, ValueError) as error:
            result.update(failed=True, changed=False, msg=str(error))
        return result

    def _converge(self, params: Values, task_vars: Values) -> Values:
        path, check = os.path.expanduser(params['path']), self._task.check_mode
        name, lines = self._stanza(params, task_vars)
        if not check and params['state'] == 'present':
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with alone(path):
            draft = Draft(path, None)
            text = replaced(draft.before or '', name, lines if params['state'] == 'present' else [])
            if text != (draft.before or '') and not check:
                draft = Draft(path, text)
                write(draft)
        changed = text != (draft.before or '')
        changes = [dict(kind='change', object='file', name=path, before='as it was', after='section of %s %s' % (
            name, params['state']), why='')] if changed else []
        result = dict(changed=changed, changes=changes, path=path)
        return dict(result, diff=diff_of(changes, path)) if self._task.diff else result

    def _stanza(self, params: Values, task_vars: Values) -> tuple[str, list[str]]:
        def said(variable: str) -> Any:
            return value_of(task_vars.get(variable), self._templar)

        name = task_vars['inventory_hostname']
        address = said('ansible_host') or name
        names = params['host'] or list(dict.fromkeys((name, address)))
        connect = [params['executable'], 'connect']
        if params['profile']:
            connect += ['--profile', os.path.abspath(os.path.expanduser(params['profile']))]
        parts = dict(port=said('ansible_port'), user=said('ansible_user'),
                     jump=','.join(hops_of(params['jump'], 'jump')))
        for word in names + [address] + [str(part) for part in parts.values() if part]:
            if not _WORD.fullmatch(word):
                raise Refused('%r cannot be written to an ssh_config: it contains blanks or quotes' % word)
        return names[0], stanza(names, address, connect=connect, **parts)
