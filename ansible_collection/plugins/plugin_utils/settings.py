# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task need not say, since a variable of its host, the environment or ansible.cfg does.

Which of them do is in the documentation of the connection plugin, and read from there: all plugins agree with it.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ansible.constants as C
from ansible.plugins.loader import connection_loader
from ansible_collections.knockwork.nft.plugins.plugin_utils.held import plain

NAMES = ('profile', 'profile_content', 'secret', 'executable', 'jump')

_CONNECTION = 'knockwork.nft.ssh'


def setting(name: str, variables: dict[str, Any], templar: Any) -> Any:
    """One of NAMES, or its default; None where it has none."""
    plugin = connection_loader.get(_CONNECTION, class_only=True)
    return C.config.get_config_value('knockwork_' + name, plugin_type='connection', plugin_name=plugin._load_name,
                                     variables=variables_of([name], variables, templar))


def variables_of(names: Iterable[str], variables: dict[str, Any], templar: Any) -> dict[str, Any]:
    """The variables of these settings, as far as they are set: plugins get them with their templates."""
    found = ('ansible_knockwork_' + name for name in names)
    return dict((name, value_of(variables[name], templar)) for name in found if name in variables)


def value_of(variable: Any, templar: Any) -> Any:
    """What a variable says."""
    return plain(templar.template(variable))
