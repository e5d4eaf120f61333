# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""knockwork.nft.core: the controller's command, sent to a host that lacks it."""
from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFileNotFound
from ansible_collections.knockwork.nft.plugins.module_utils.core import VERSION
from ansible_collections.knockwork.nft.plugins.plugin_utils.deliver import Command, SendingAction, command_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.held import plain


class ActionModule(SendingAction):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = plain(self._task.args)
        if arguments.get('state') == 'absent':
            return dict(result, **self._execute_module(task_vars=task_vars))
        try:
            command = self._chosen(arguments.pop('src', None), task_vars)
        except AnsibleFileNotFound as error:
            return dict(result, failed=True, msg='src: cannot find %s on the controller; a relative path is searched '
                        'as in ansible.builtin.copy' % error.file_name)
        except OSError as error:
            return dict(result, failed=True, msg='src: %s: %s' % (error.filename, error.strerror))
        if command is None:
            return dict(result, failed=True, msg='cannot find the command knockwork on the controller: install it '
                        'there, or name it in src')
        why = self._unfit(command, arguments.get('checksum'))
        if why:
            return dict(result, failed=True, msg=why)
        arguments.update(checksum=command.checksum, version=VERSION)
        answer = self._execute_module(module_args=arguments, task_vars=task_vars)
        if answer.pop('needed', False):
            answer = self._execute_module(module_args=dict(arguments, src=self.send(command)), task_vars=task_vars)
        return dict(result, **answer)

    def _chosen(self, src: str | None, task_vars: dict[str, Any]) -> Command | None:
        return Command(self._find_needle('files', src)) if src else command_of(task_vars, self._templar)

    @staticmethod
    def _unfit(command: Command, checksum: object) -> str:
        if not command.is_program:
            return '%s is not an executable program' % command.path
        if checksum is not None and str(checksum).lower() != command.checksum:
            return 'checksum: the digest of %s is %s' % (command.path, command.checksum)
        return ''
