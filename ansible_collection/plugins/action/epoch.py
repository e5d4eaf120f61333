# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""knockwork.nft.epoch: what of a rotation the controller does, and the module for the rest."""
from __future__ import annotations

import os
from typing import Any, Dict

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.knockwork.nft.plugins.module_utils.epochs import EXCLUSIVE, SPEC, fault_of
from ansible_collections.knockwork.nft.plugins.module_utils.files import locked_folder
from ansible_collections.knockwork.nft.plugins.module_utils.report import diff_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.anew import ReconnectingAction
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import Refused, ask, options, path_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.held import Held, is_vaulted, text_of_file
from ansible_collections.knockwork.nft.plugins.plugin_utils.hosts import with_entries, with_epoch
from ansible_collections.knockwork.nft.plugins.plugin_utils.profile import OneHost
from ansible_collections.knockwork.nft.plugins.plugin_utils.settings import setting

Values = Dict[str, Any]  # of results, options and variables, by their names

_OF_THE_CONTROLLER = ('master_secret', 'master_secret_file', 'profile')


class ActionModule(ReconnectingAction):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Values:
        result = super().run(tmp, task_vars)
        try:
            params = options(self, SPEC, task_vars, EXCLUSIVE)
            fault = fault_of(params)
            if fault:
                raise Refused(fault)
            params['host'] = params['host'] or task_vars['inventory_hostname']
            if params['state'] == 'used':
                return dict(result, **self._use(params, task_vars))
            return dict(result, **self._on_the_host(params, task_vars))
        except Refused as error:
            return dict(result, failed=True, changed=False, msg=error.message)
        except OSError as error:
            return dict(result, failed=True, changed=False, msg='%s: %s' % (error.filename, error.strerror))
        except AnsibleConnectionFailure as error:
            # Not unreachable, which ends no run: each version of Ansible goes on in its own way, and so would a fleet.
            return dict(result, failed=True, changed=False, msg='%s\n%s' % (
                error.message.rstrip(), _how_to_go_on(task_vars['inventory_hostname'], params['epoch'])))

    def _on_the_host(self, params: Values, task_vars: Values) -> Values:
        arguments = dict((key, value) for key, value in params.items()
                         if value is not None and key not in _OF_THE_CONTROLLER)
        if params['state'] == 'published' and (params['master_secret'] or params['master_secret_file']):
            arguments['host_key'] = self._host_key(params, task_vars)
        must_prove = params['state'] == 'retired' and params['fresh'] and not self._task.check_mode
        if must_prove:
            # In a fleet, the last connection has outlived the grant that it came in by: only a new one proves anything.
            self.connect_anew()
        answer = self._ask(arguments, task_vars)
        if must_prove and answer.get('unproved'):
            self.connect_anew()  # on a slow host, a short grant may have ended again
            answer = self._ask(arguments, task_vars)
        # Of itself a rotation takes no way in, but it applies whatever was declared since the last apply.
        warning = self.lockout_warning(answer, task_vars['inventory_hostname'])
        if warning:
            answer.setdefault('warnings', []).append(warning)
        answer.pop('unproved', None)
        return answer

    def _ask(self, arguments: Values, task_vars: Values) -> Values:
        return self._execute_module(module_name='knockwork.nft.epoch', module_args=dict(arguments),
                                    task_vars=task_vars)

    def _host_key(self, params: Values, task_vars: Values) -> str:
        held, path = Held(), os.path.abspath(os.path.expanduser(params['master_secret_file'] or ''))
        if params['master_secret']:
            path = held.path(params['master_secret'].rstrip('\n') + '\n', 'master_secret')
        elif is_vaulted(path):
            path = held.path(text_of_file(path, self._loader), path)
        try:
            return ask('host_key', 'auto', setting('executable', task_vars, self._templar), host=params['host'],
                       secret_file=path)['host_key']
        except Refused as error:
            raise Refused(held.by_names(error.message)) from None

    def _use(self, params: Values, task_vars: Values) -> Values:
        """The profile says the epoch, unless the host then does not let the controller in."""
        epoch, host, path = params['epoch'], params['host'], path_of(params['profile'])
        executable = setting('executable', task_vars, self._templar)
        if not os.path.isdir(os.path.dirname(path)):
            raise Refused(_no_entry(path, host))
        with locked_folder(os.path.dirname(path)):
            profile = OneHost(path, host, executable)
            before, after = with_epoch(profile.entries, host, epoch)
            if before is None:
                raise Refused(_no_entry(path, host))
            changed = after != profile.entries
            if changed and not self._task.check_mode:
                profile.write(after)
        changes = [dict(kind='change', object='host', name=host, before='epoch %s' % before,
                        after='epoch %s' % epoch, why='used from now on')] if changed else []
        try:
            if changed and not self._task.check_mode:
                self.connect_anew()
            self._low_level_execute_command('true', sudoable=False)
        except AnsibleConnectionFailure:
            if changed and not self._task.check_mode:
                self._use_no_longer(path, host, executable, profile.entries)
            raise
        result = dict(changed=changed, changes=changes)
        return dict(result, diff=diff_of(changes, path)) if self._task.diff else result

    @staticmethod
    def _use_no_longer(path: str, host: str, executable: str, entries: list[Values]) -> None:
        """What the profile said of the host before; other hosts' entries may be others by now."""
        with locked_folder(os.path.dirname(path)):
            profile = OneHost(path, host, executable)
            profile.write(with_entries(profile.entries, host, entries))


def _no_entry(path: str, host: str) -> str:
    return ('the profile %s has no derived sequence with `epoch` for %s: write it with knockwork.nft.profile first, or '
            'leave the host out' % (path, host))


def _how_to_go_on(host: str, epoch: int) -> str:
    return ('%s keeps its accepted epochs, and the profile keeps the epoch that it had for %s. Run the same command '
            'again when %s is back: it continues from here. To rotate the others in the meantime, leave %s out, and '
            'rotate it to epoch %d later.' % (host, host, host, host, epoch))
