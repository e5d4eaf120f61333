# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r'''
options:
  backend:
    description:
      - How to call knockwork on the managed host. All ways give the same results.
      - C(python) imports the package C(knockwork), with the module's own interpreter or else with C(/usr/bin/python3).
        C(cli) runs the command C(knockwork). C(auto) uses the first that is available.
      - knockwork and the collection must have the same minor version.
    type: str
    choices: [auto, python, cli]
    default: auto
  delivered:
    description:
      - For hosts without knockwork, the path of the command that the controller copies to the managed host. Set by the
        action plugin, unless the variable C(knockwork_deliver) is C(never).
    type: path
  detached:
    description:
      - Whether the result goes to C(async_status) instead of the action plugin, which then adds nothing to it. Set by
        the action plugin for tasks with C(async).
    type: bool
    default: false
attributes:
  action_group:
    description: Use C(group/knockwork.nft.knockwork) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - knockwork.nft.knockwork
requirements:
  - knockwork on the managed host, or on the controller, which copies its command to the host
'''
