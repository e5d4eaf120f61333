# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions whose module may shut out the connection that it came by."""
from __future__ import annotations

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.knockwork.nft.plugins.plugin_utils.deliver import DeliveringAction


class ReconnectingAction(DeliveringAction):
    """Connects anew, and ends with its own result even where nothing can be cleaned up any more."""

    def connect_anew(self) -> None:
        """A connection that lives on proves nothing. ssh's lives longer than the tasks that share it.

        Without pipelining the module left files on the host: they go by the connection that still works.
        """
        self._remove_tmp_path(self._connection._shell.tmpdir)
        if hasattr(self._connection, 'reset'):
            self._connection.reset()
        else:
            self._connection.close()

    def leave_tmp_path(self) -> None:
        """Where no connection can be made: what is on the host stays there."""
        left, self._connection._shell.tmpdir = self._connection._shell.tmpdir, None
        if left:
            self._display.warning('temporary files of this task are left on the host, in %s' % left)

    def cleanup(self, force: bool = False) -> None:
        """Ansible's own failure here would take the place of the module's result."""
        try:
            super().cleanup(force)
        except AnsibleConnectionFailure:
            self.leave_tmp_path()
