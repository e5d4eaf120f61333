# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
name: sequence
short_description: A port knocking sequence of a host, from the controller's profile
version_added: 0.1.0
author:
  - The knockwork maintainers (@knockwork)
description:
  - Returns the sequence that opens a host, from the controller's profile. The knocks are included only with I(reveal).
  - The fingerprint distinguishes sequences, and changes when a sequence changes. Its key belongs to the user and is
    generated at first use in C(~/.config/knockwork/fingerprint.key), so fingerprints are comparable only for the same
    user.
options:
  _terms:
    description:
      - Hosts, as named in the profile.
    type: list
    elements: str
    required: true
  sequence:
    description:
      - The name of the sequence. Defaults to the one that opens I(opens), or else to the only one in the profile for
        the host.
    type: str
  opens:
    description:
      - A TCP port that the sequence opens, such as C(22/tcp).
    type: str
  reveal:
    description:
      - Whether to return the knocks or the token's key, and the services. Anyone who sees the output can then knock.
        Set C(no_log) for such a task, but note that it does not mask short numbers everywhere.
    type: bool
    default: false
  profile:
    description:
      - The file with the hosts' knocks, on the controller, mode 0600. Defaults to C(~/.config/knockwork/hosts.yml).
    type: path
    vars:
      - name: ansible_knockwork_profile
    env:
      - name: ANSIBLE_KNOCKWORK_PROFILE
    ini:
      - {section: knockwork, key: profile}
  profile_content:
    description:
      - The contents of the profile instead of a file, as text or a mapping, for a profile in Ansible Vault. It stays in
        memory.
    type: raw
    vars:
      - name: ansible_knockwork_profile_content
  secret:
    description:
      - The fleet's master secret itself, for a secret in Ansible Vault. Every sequence in the profile with C(derive) or
        C(token) uses it instead of its C(secret_file). It stays in memory.
    type: str
    vars:
      - name: ansible_knockwork_secret
  executable:
    description:
      - The path or name of the command on the controller.
    type: str
    default: knockwork
    vars:
      - name: ansible_knockwork_executable
    env:
      - name: ANSIBLE_KNOCKWORK_EXECUTABLE
    ini:
      - {section: knockwork, key: executable}
  backend:
    description:
      - How to call knockwork on the controller. C(python) imports the package C(knockwork) into Ansible's own Python,
        C(cli) runs the command, C(auto) uses the first that is available. All give the same results.
    type: str
    choices: [auto, python, cli]
    default: auto
requirements:
  - knockwork on the controller, of the same minor version as this collection
'''

EXAMPLES = r'''
- name: Show the fingerprint of a host's sequence
  ansible.builtin.debug:
    msg: "{{ lookup('knockwork.nft.sequence', inventory_hostname, sequence='ssh').fingerprint }}"

- name: Give the host the sequence that the controller will knock
  knockwork.nft.sequence:
    name: ssh
    knock: "{{ lookup('knockwork.nft.sequence', inventory_hostname, sequence='ssh', reveal=true).knock }}"
    opens: [22/tcp]
  no_log: true
'''

RETURN = r'''
_list:
  description:
    - "For each host a dictionary with C(host), C(address), C(name), the numbers C(knocks) and C(services), and
      C(fingerprint). With I(reveal) also the lists of ports C(knock) and C(opens) and, for a sequence with C(token),
      the C(token) of a profile for one person: its C(port), C(key) and C(period)."
  type: list
  elements: dict
  sample:
    - host: web1
      address: 192.0.2.10
      name: ssh
      knocks: 3
      services: 1
      fingerprint: 91d7bce2
'''

from typing import Any, Dict, List, Optional  # noqa: E402

from ansible.plugins.lookup import LookupBase  # noqa: E402
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import ask, profile_for  # noqa: E402
from ansible_collections.knockwork.nft.plugins.plugin_utils.settings import variables_of  # noqa: E402

_SETTINGS = ('profile', 'profile_content', 'secret', 'executable')


class LookupModule(LookupBase):
    def run(self, terms: List[str], variables: Optional[Dict[str, Any]] = None, **kwargs: Any) -> List[Dict[str, Any]]:
        self.set_options(var_options=variables_of(_SETTINGS, variables or {}, self._templar), direct=kwargs)
        question = dict((name, self.get_option(name)) for name in ('sequence', 'opens')
                        if self.get_option(name) is not None)
        source = dict((name, self.get_option(name)) for name in ('profile', 'profile_content', 'secret'))
        with profile_for(source, self._loader) as profile:
            return [ask('sequence', self.get_option('backend'), self.get_option('executable'), host=host,
                        profile=profile or '', reveal=self.get_option('reveal'), **question)['sequence']
                    for host in terms]
