# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r'''
options:
  backend:
    description:
      - How the core on the managed host is reached. Both ways give the same results.
      - C(python) imports the package C(knockwork), under the module's own interpreter or else under
        C(/usr/bin/python3). C(cli) runs the command C(knockwork). C(auto) takes the first that is there.
      - Core and collection must be of the same minor version.
    type: str
    choices: [auto, python, cli]
    default: auto
  delivered:
    description:
      - Where on the managed host the command is that the controller brings along, for hosts without knockwork. Set by
        the action plugin, unless the variable C(knockwork_deliver) is C(never).
    type: path
requirements:
  - knockwork on the managed host, or on the controller, which brings its command along
'''
