# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module whose change must be confirmed over a connection that is newer than the change."""
from __future__ import annotations

import time
from typing import Any, Dict

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.knockwork.nft.plugins.plugin_utils.anew import ReconnectingAction
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import path_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.held import profile_text
from ansible_collections.knockwork.nft.plugins.plugin_utils.hosts import entries_about, epochs_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.settings import setting

Values = Dict[str, Any]  # of results and variables, by their names

_PENDING = 'knockwork.nft.pending'
# Connections that reach the host whatever its gate refuses.
_WITHOUT_NETWORK = frozenset(('local', 'chroot', 'docker', 'podman', 'buildah', 'lxc', 'lxd', 'incus', 'jail', 'iocage',
                              'zone', 'nspawn', 'machinectl', 'qubes', 'libvirt_lxc'))
_PROVES_NOTHING = (
    'confirm_within requires proof that new connections to this host still work, but the connection %s does not pass '
    'the gate: nothing was changed. Run the play from another machine; or run `knockwork apply --confirm-within` and '
    'let another '
    'machine confirm with knockwork.nft.pending and fresh: true')
_ATTEMPTS = 3  # a packet may be lost, and a lockout may last


def _in_words(seconds: float) -> str:
    """Rounded up, as the command writes it: 59s, 5m, 1m30s, 1h."""
    whole = int(seconds) + 1
    if whole >= 3600:
        return '%dh' % (whole // 3600) + ('%dm' % (whole % 3600 // 60) if whole % 3600 >= 60 else '')
    return ('%dm' % (whole // 60) if whole >= 60 else '') + ('%ds' % (whole % 60) if whole % 60 else '')


class ConfirmingAction(ReconnectingAction):
    """The module as it is. Where it left an apply waiting: a new connection, and the confirmation over that."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> Values:
        self._supports_check_mode = True
        self._supports_async = True
        result = super().run(tmp, task_vars)
        wrap_async = self._task.async_val and not self._connection.has_native_async
        if wrap_async and self._task.args.get('confirm_within'):
            result.update(failed=True, msg='confirm_within does not work with async: the task could not confirm')
            return result
        by = self._connection.transport
        if self._task.args.get('confirm_within') and by.rpartition('.')[2] in _WITHOUT_NETWORK:
            result.update(failed=True, changed=False, msg=_PROVES_NOTHING % by)
            return result
        result.update(self._execute_module(task_vars=task_vars, wrap_async=wrap_async))
        if result.get('pending'):  # also if something failed after the apply: what it left undone is no lockout
            self._confirm(result, time.monotonic(), task_vars)
        self._say_who_must_knock(result, task_vars['inventory_hostname'])
        self._say_who_lags(result, task_vars)
        return result

    def _confirm(self, result: Values, since: float, task_vars: Values) -> None:
        pending = result['pending']
        why = self._ask(pending, since, task_vars)
        if why is None:
            del result['pending']
            result['confirmed'] = True
            return
        left = pending['remaining_ms'] / 1000.0 - (time.monotonic() - since)
        what = ('is not confirmed, and the host will roll it back within %s' % _in_words(left) if left > 0
                else 'was not confirmed in time, and the host has rolled it back')
        said = ['%s; ' % result['msg']] if result.get('failed') else []
        result.update(failed=True, confirmed=False, msg='%sapply %s %s: %s' % (''.join(said), pending['id'], what, why))

    def _ask(self, pending: Values, since: float, task_vars: Values) -> str | None:
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
                why = 'a new connection failed: %s' % error.message
                continue
            return answer.get('msg', 'the module that confirms failed') if answer.get('failed') else None
        self.leave_tmp_path()
        return why or 'the time was up before a new connection could be tried'

    def _say_who_lags(self, result: Values, task_vars: Values) -> None:
        """A host installed anew is at epoch 0, whatever its fleet is at."""
        accepted, host = result.get('epochs'), task_vars['inventory_hostname']
        if not accepted:
            return
        try:
            known = epochs_of(entries_about(self._profile(task_vars), host), host)
        except (AnsibleError, ValueError):
            return
        if known and max(known) > max(accepted):
            result.setdefault('warnings', []).append(
                '%s accepts epoch %s%s, but the profile of this controller knocks with epoch %d: run '
                'knockwork.nft.epoch with state: published and epoch: %d, or wait for the next rotation' % (
                    host, ', '.join(map(str, accepted)), ', as a new host does' if accepted == [0] else '',
                    max(known), max(known)))

    def _profile(self, task_vars: Values) -> str:
        """The text of the profile that the connection knocks by."""
        path, content = (setting(name, task_vars, self._templar) for name in ('profile', 'profile_content'))
        return profile_text(path_of(path), content, self._loader)

    def _say_who_must_knock(self, result: Values, host: str) -> None:
        """Unless a new connection was made since."""
        warning = self.lockout_warning(result, host)
        if warning is None or result.get('confirmed'):
            return
        if not self._task.args.get('confirm_within'):
            warning += '. With confirm_within, the host rolls back a change that locks out this controller'
        result.setdefault('warnings', []).append(warning)
