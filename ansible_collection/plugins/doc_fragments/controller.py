# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r'''
options:
  backend:
    description:
      - How to call knockwork on the controller. C(python) imports the package C(knockwork) into Ansible's own Python,
        C(cli) runs the command, C(auto) uses the first that is available. All give the same results.
    type: str
    choices: [auto, python, cli]
    default: auto
attributes:
  action_group:
    description: Use C(group/knockwork.nft.controller) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - knockwork.nft.controller
requirements:
  - knockwork on the controller, of the same minor version as this collection
notes:
  - No result or message contains a port, at any verbosity.
'''

    # Where the knocks are, and who sends them.
    PROFILE = r'''
options:
  profile:
    description:
      - The file with the hosts' knocks, on the controller, mode 0600. Defaults to the variable
        C(ansible_knockwork_profile), the environment variable C(ANSIBLE_KNOCKWORK_PROFILE), C(profile) in the section
        C([knockwork]) of C(ansible.cfg), or C(~/.config/knockwork/hosts.yml), as for the connection plugin.
    type: path
  executable:
    description:
      - The path or name of the command on the controller. Also settable with the variable
        C(ansible_knockwork_executable), the environment variable C(ANSIBLE_KNOCKWORK_EXECUTABLE), or C(executable) in
        the section C([knockwork]) of C(ansible.cfg).
    type: str
    default: knockwork
'''
