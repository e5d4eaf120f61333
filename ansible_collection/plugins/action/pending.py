# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.knockwork.nft.plugins.plugin_utils.deliver import PlainAction


class ActionModule(PlainAction):
    """The module as it is, on a host without knockwork as well."""
