# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""knockwork.nft.knock: the controller knocks, so nothing of it runs on the host."""
from __future__ import annotations

import json
import re
from typing import Any, Dict

from ansible.plugins.action import ActionBase
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import (
    COMMON, SECRETS, Refused, ask, invocation, options, profile_for)
from ansible_collections.knockwork.nft.plugins.plugin_utils.settings import value_of

Values = Dict[str, Any]  # of results, options and variables, by their names

SPEC = dict(
    COMMON,
    **SECRETS,
    host=dict(type='str'),
    sequence=dict(type='str'),
    knock=dict(type='list', elements='str', no_log=False),  # masking fails on short values, see secrecy.py
    wait_open=dict(type='str'),
    source=dict(type='str'),
    interface=dict(type='str'),
    family=dict(type='str', choices=['any', 'ipv4', 'ipv6'], default='any'),
    both=dict(type='bool', default=False),
    prove=dict(type='bool', default=True),
    delay=dict(type='str'),
    jitter=dict(type='str', default='0ms'),
    timeout=dict(type='str', default='5s'),
    retries=dict(type='int'),
    within=dict(type='str'),
    try_first=dict(type='bool', default=False),
)
# Of tokens, in the core's sentence.
_CAUSE = re.compile(r' tokens?(?: \([^)]*\))?(: .*)$')
_NAMES = ('ansible_knockwork_host', 'ansible_host', 'inventory_hostname')


class ActionModule(ActionBase):
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> Values:
        result = super().run(tmp, task_vars)
        try:
            params = options(self, SPEC, task_vars)
            result.update(self._knock(params, task_vars), invocation=invocation(params))
        except Refused as error:
            result.update(failed=True, changed=False, msg=error.message)
        return result

    def _knock(self, params: Values, task_vars: Values) -> Values:
        question = _question(params, self._host(params, task_vars))
        with profile_for(params, self._loader) as profile:
            knocked = ask('knock', params['backend'], params['executable'],
                          [json.dumps([params['wait_open']] + (params['knock'] or []))],
                          check=self._task.check_mode, profile=profile or '', **question)['knocked']
        told = dict((key, knocked[key]) for key in ('host', 'address', 'addresses', 'sequence', 'rounds', 'outcome'))
        if self._task.check_mode:
            return dict(told, changed=True)
        good = knocked['outcome'] in ('sent', 'open')
        return dict(told, changed=knocked['rounds'] > 0, failed=not good,
                    msg='' if good else _sentence(knocked))

    def _host(self, params: Values, task_vars: Values) -> Any:
        """As the connection plugin has it, so that both find the same entry of a profile."""
        named = params['host'] or next(task_vars[name] for name in _NAMES if task_vars.get(name))
        return value_of(named, self._templar)


def _question(params: Values, host: str) -> Values:
    """The request's members."""
    if params['sequence'] and params['knock']:
        raise Refused('sequence and knock are mutually exclusive: name a sequence of the profile, or list the knocks')
    if params['try_first'] and not params['wait_open']:
        raise Refused('try_first requires wait_open: name the port that may already be open')
    question = dict((key, params[key]) for key in ('source', 'interface', 'sequence', 'wait_open')
                    if params[key] is not None)
    times = dict((name, params[name]) for name in ('delay', 'jitter', 'timeout', 'within') if params[name] is not None)
    choices = dict((key, params[key]) for key in ('family', 'both', 'prove', 'retries', 'try_first'))
    return dict(question, host=host, knock=params['knock'] or [], **choices, **times)


def _sentence(knocked: Values) -> str:
    """The core's own names the port that was checked."""
    what = dict(refused='it still refuses connections', unreachable='it does not answer')[knocked['outcome']]
    times = '%d time%s' % (knocked['rounds'], '' if knocked['rounds'] == 1 else 's')
    where = knocked['host']
    if knocked['address'] != where:
        where += ' (%s)' % (knocked['address'] or 'which has no address')
    cause = _CAUSE.search(knocked['message'])
    return '%s was knocked on %s: %s%s' % (where, times, what, cause.group(1) if cause else '')
