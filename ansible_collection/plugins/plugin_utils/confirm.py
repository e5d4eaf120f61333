# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module whose change must be confirmed over a connection that is newer than the change."""
from __future__ import annotations

import time

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.knockwork.nft.plugins.plugin_utils.anew import ReconnectingAction

_PENDING = 'knockwork.nft.pending'
_KNOCKING = 'knockwork.nft.ssh'
_ATTEMPTS = 3  # a packet may be lost, and a lockout may last


class ConfirmingAction(ReconnectingAction):
    """The module as it is. Where it left an apply waiting: a new connection, and the confirmation over that."""

    def run(self, tmp=None, task_vars=None):
        self._supports_check_mode = True
        self._supports_async = True
        result = super().run(tmp, task_vars)
        wrap_async = self._task.async_val and not self._connection.has_native_async
        if wrap_async and self._task.args.get('confirm_within'):
            result.update(failed=True, msg='confirm_within excludes async: nobody would be there to confirm')
            return result
        result.update(self._execute_module(task_vars=task_vars, wrap_async=wrap_async))
        if result.get('pending') and not result.get('failed'):
            self._confirm(result, time.monotonic(), task_vars)
        self._say_who_must_knock(result, task_vars['inventory_hostname'])
        return result

    def _confirm(self, result, since, task_vars):
        pending = result['pending']
        why = self._ask(pending, since, task_vars)
        if why is None:
            del result['pending']
            result['confirmed'] = True
            return
        left = pending['remaining_ms'] / 1000.0 - (time.monotonic() - since)
        what = ('is not confirmed, and the host takes it back by itself within %d s' % (left + 1) if left > 0
                else 'was not confirmed in time, and the host has taken it back by itself')
        result.update(failed=True, confirmed=False, msg='apply %s %s: %s' % (pending['id'], what, why))

    def _ask(self, pending, since, task_vars):
        """Why it is not confirmed, None where it is."""
        why = ''
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(1)
            if time.monotonic() - since >= pending['remaining_ms'] / 1000.0:
                break
            try:
                self.connect_anew()
                answer = self._execute_module(module_name=_PENDING, task_vars=task_vars, module_args=dict(
                    state='confirmed', id=pending['id'], fresh=True,
                    backend=self._task.args.get('backend') or 'auto'))
            except AnsibleConnectionFailure as error:
                why = 'no new connection can be made: %s' % error.message
                continue
            return answer.get('msg', 'the module that confirms failed') if answer.get('failed') else None
        self.leave_tmp_path()
        return why or 'the time was over before a new connection was tried'

    def _say_who_must_knock(self, result, host):
        """Unless a new connection was made since."""
        address = result.pop('must_knock', None)
        if address is None or result.get('confirmed'):
            return
        if self._connection.has_option('knockwork_sequence'):
            remedy = ('nothing has proved that the profile of this controller opens it: set confirm_within, so that '
                      'the host takes the change back if it does not')
        else:
            remedy = ('put %s into always_allow, connect with %s, or set confirm_within, so that the host takes a '
                      'change back that shuts this controller out' % (address, _KNOCKING))
        result.setdefault('warnings', []).append(
            '%s: with this declaration new connections from %s, from which this task came, have to knock first; %s'
            % (host, address, remedy))
