# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules on hosts without knockwork: the controller brings its command along, once for each host and version."""
from __future__ import annotations

import hashlib
import os
import shutil
import struct
import sys
from typing import Any, Dict

from ansible.plugins.action import ActionBase
from ansible_collections.knockwork.nft.plugins.module_utils.core import DELIVERED, VERSION
from ansible_collections.knockwork.nft.plugins.plugin_utils.settings import setting, value_of

Values = Dict[str, Any]  # of results, arguments and variables, by their names

_OURS = 'knockwork.nft.'
_ASKING = 'knockwork.nft.ruleset_info'  # needs the core, and changes nothing
# e_machine of an ELF header, as the kernel names such machines: <elf.h> and uname(1).
_MACHINES = {3: ('i386', 'i486', 'i586', 'i686'), 21: ('ppc64', 'ppc64le'), 22: ('s390x',), 40: ('armv6l', 'armv7l'),
             62: ('x86_64',), 183: ('aarch64',), 243: ('riscv64',)}


class Command:
    """The controller's command, as a file that hosts can run."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, 'rb') as file:
            head = file.read(20)
            file.seek(0)
            self.checksum = hashlib.sha256(file.read()).hexdigest()
        self.is_program = head[:4] == b'\x7fELF'
        self._machine = struct.unpack('<H' if head[5:6] == b'\x01' else '>H', head[18:20])[0] if self.is_program else 0

    @property
    def name(self) -> str:
        return '%s-%s' % (VERSION, self.checksum[:16])

    @property
    def remote(self) -> str:
        """Where it is kept on a host."""
        return '%s/%s/knockwork' % (DELIVERED, self.name)

    def runs_on(self, machine: str) -> bool:
        return machine in _MACHINES.get(self._machine, (machine,))


def command_of(variables: Values, templar: Any) -> Command | None:
    """The command that these variables name, that beside this Python, or that on PATH; None without any."""
    named = value_of(variables.get('knockwork_deliver_file'), templar) or setting('executable', variables, templar)
    named = os.path.expanduser(named)
    beside = os.path.join(os.path.dirname(sys.executable), named)
    path = next((each for each in (shutil.which(beside), shutil.which(named)) if each), None)
    return Command(path) if path else None


class SendingAction(ActionBase):
    """Can send the command."""

    def send(self, command: Command) -> str:
        """Into the task's temporary folder; where it is there."""
        shell = self._connection._shell
        if not shell.tmpdir:
            self._make_tmp_path()
        sent = shell.join_path(shell.tmpdir, 'knockwork')
        self._transfer_file(command.path, sent)
        self._fixup_perms2((shell.tmpdir, sent), execute=True)
        return sent


class DeliveringAction(SendingAction):
    """Runs modules of this collection. One that finds no core on the host gets the controller's, and runs again."""

    def _execute_module(self, module_name: str | None = None, module_args: Values | None = None, tmp: str | None = None,
                        task_vars: Values | None = None, **more: Any) -> Values:
        if module_name is not None and not module_name.startswith(_OURS):
            return super()._execute_module(module_name=module_name, module_args=module_args, tmp=tmp,
                                           task_vars=task_vars, **more)
        arguments = dict(self._task.args if module_args is None else module_args)
        if more.get('wrap_async'):
            # Nobody is here when the job ends: the core is sent before it begins.
            asked, lacks = self._with_core(_ASKING, dict(backend=arguments.get('backend') or 'auto'), task_vars)
            if lacks:
                return asked
            arguments['detached'] = True
        return self._with_core(module_name, arguments, task_vars, tmp=tmp, **more)[0]

    def _with_core(self, module_name: str | None, arguments: Values, task_vars: Values | None,
                   **more: Any) -> tuple[Values, bool]:
        """The module's result, and whether the host has no core even now."""
        try:
            command = self._command(task_vars or {})
        except (OSError, ValueError) as error:
            return dict(failed=True, changed=False, msg=str(error)), True
        if command:
            arguments.setdefault('delivered', command.remote)
        result = self._run(module_name, arguments, task_vars, more)
        missing = result.pop('core_missing', None)
        if not missing or not command or missing['wanted'] == 'python':
            return result, bool(missing)
        why = self._cannot(command, missing['machine'])
        if why:
            return dict(result, msg='%s; %s' % (result['msg'], why)), True
        arguments['delivered'], failed = self._deliver(command, task_vars)
        if failed:
            return failed, True
        again = self._run(module_name, arguments, task_vars, more)
        return again, bool(again.pop('core_missing', None))

    def _run(self, module_name: str | None, arguments: Values, task_vars: Values | None, more: Values) -> Values:
        return super()._execute_module(module_name=module_name, module_args=arguments, task_vars=task_vars, **more)

    def _command(self, variables: Values) -> Command | None:
        deliver = value_of(variables.get('knockwork_deliver', 'auto'), self._templar)
        if deliver not in ('auto', 'never'):
            raise ValueError('knockwork_deliver is %s: write auto or never' % deliver)
        return None if deliver == 'never' else command_of(variables, self._templar)

    @staticmethod
    def _cannot(command: Command, machine: str) -> str:
        """Why this command helps no such host, empty where it does."""
        if not command.is_program:
            return '%s on the controller is not a program that can be copied to a host' % command.path
        if not command.runs_on(machine):
            return ('%s from the controller does not run on %s: set knockwork_deliver_file to one that does'
                    % (command.path, machine))
        return ''

    def _deliver(self, command: Command, task_vars: Values | None) -> tuple[str, Values | None]:
        """Where it is on the host now, and the result of what failed. Check mode leaves nothing behind."""
        sent = self.send(command)
        if self._task.check_mode:
            return sent, None
        kept = super()._execute_module(module_name='knockwork.nft.core', task_vars=task_vars, module_args=dict(
            src=sent, checksum=command.checksum, version=VERSION))
        return command.remote, kept if kept.get('failed') else None


class PlainAction(DeliveringAction):
    """One module, and nothing else."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> Values:
        self._supports_check_mode = True
        self._supports_async = True
        result = super().run(tmp, task_vars)
        wrap_async = self._task.async_val and not self._connection.has_native_async
        return dict(result, **self._execute_module(task_vars=task_vars, wrap_async=wrap_async))
