# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""knockwork.nft.epoch: what of a rotation the controller does, and the module for the rest."""
from __future__ import annotations

import os

from ansible_collections.knockwork.nft.plugins.module_utils.files import locked_folder
from ansible_collections.knockwork.nft.plugins.module_utils.report import diff_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.anew import ReconnectingAction
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import Refused, ask
from ansible_collections.knockwork.nft.plugins.plugin_utils.hosts import with_epoch
from ansible_collections.knockwork.nft.plugins.plugin_utils.profile import draft_of, path_of, read_entries, write


class ActionModule(ReconnectingAction):
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        arguments['host'] = arguments.get('host') or task_vars['inventory_hostname']
        try:
            if arguments.get('state') == 'used':
                return dict(result, **self._use(arguments, task_vars))
            if arguments.get('state') == 'published' and arguments.get('master_secret_file'):
                arguments['host_key'] = _host_key(arguments)
        except Refused as error:
            return dict(result, failed=True, changed=False, msg=error.message)
        except OSError as error:
            return dict(result, failed=True, changed=False, msg='%s: %s' % (error.filename, error.strerror))
        result.update(self._ask(arguments, task_vars))
        if result.pop('unproved', False):
            # The connection outlived the grant that it came in by: a new one shows whether the epoch works.
            self.connect_anew()
            result = dict(self._ask(arguments, task_vars))
            result.pop('unproved', None)
        result.pop('must_knock', None)  # rotating takes no way in away that the controller has not proved to need
        return result

    def _ask(self, arguments, task_vars):
        return self._execute_module(module_name='knockwork.nft.epoch', module_args=arguments, task_vars=task_vars)

    def _use(self, arguments, task_vars):
        """The profile says the epoch, and what is connected by another one is connected no longer."""
        epoch, host = _number(arguments.get('epoch')), arguments['host']
        path = path_of(arguments.get('profile') or task_vars.get('ansible_knockwork_profile'))
        with locked_folder(os.path.dirname(path)):
            entries = read_entries(path)
            before, after = with_epoch(entries, host, epoch)
            if before is None:
                raise Refused('the profile %s has no sequence of %s that is derived and goes by `epoch`: write it '
                              'with knockwork.nft.profile first' % (path, host))
            changed = after != entries
            if changed and not self._task.check_mode:
                write(draft_of(path, after))
        changes = [dict(kind='change', object='host', name=host, before='epoch %s' % before,
                        after='epoch %s' % epoch, why='used from here on')] if changed else []
        if changed and not self._task.check_mode:
            self.connect_anew()
        result = dict(changed=changed, changes=changes)
        return dict(result, diff=diff_of(changes, path)) if self._task.diff else result


def _host_key(arguments):
    return ask('host_key', host=arguments['host'],
               secret_file=os.path.abspath(os.path.expanduser(arguments['master_secret_file'])))['host_key']


def _number(text):
    try:
        return int(text)
    except (TypeError, ValueError):
        raise Refused('epoch: not a number') from None
