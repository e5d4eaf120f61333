# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions whose module may shut out the connection that it came by."""
from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.knockwork.nft.plugins.module_utils.report import must_knock
from ansible_collections.knockwork.nft.plugins.plugin_utils.deliver import DeliveringAction

_KNOCKING = 'knockwork.nft.ssh'


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

    def lockout_warning(self, result: dict[str, Any], host: str) -> str | None:
        """What to say after a change by which this controller has to knock, None if it need not or knew before."""
        address = result.pop('must_knock', None)
        if address is None:
            return None
        if self._connection.has_option('knockwork_sequence'):
            remedy = 'there is no proof that the profile of this controller opens it'
        else:
            remedy = 'put %s into always_allow, or connect with %s' % (address, _KNOCKING)
        return '%s: %s; %s' % (host, must_knock(address), remedy)

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
