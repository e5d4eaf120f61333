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
  - Says which sequence opens a host, as the controller's profile has it. Its knocks are shown only where I(reveal)
    asks for them.
  - The fingerprint tells one sequence from another, and one from its past. Its key is the user's, made at first use
    in C(~/.config/knockwork/fingerprint.key), so it compares to those of the same user alone.
options:
  _terms:
    description:
      - Hosts, as the profile names them.
    type: list
    elements: str
    required: true
  sequence:
    description:
      - The name of the sequence. Without it the one that opens I(opens), or else the only one that the profile has
        for the host.
    type: str
  opens:
    description:
      - A TCP port that the sequence opens, like C(22/tcp).
    type: str
  reveal:
    description:
      - Whether to say the knocks and the services. Whoever sees the output can then knock. Give such a task
        C(no_log), though it does not mask short numbers everywhere.
    type: bool
    default: false
  profile:
    description:
      - The file with the hosts' knocks, on the controller, mode 0600. Without it C(~/.config/knockwork/hosts.yml).
    type: path
    vars:
      - name: ansible_knockwork_profile
    env:
      - name: ANSIBLE_KNOCKWORK_PROFILE
    ini:
      - {section: knockwork, key: profile}
  profile_content:
    description:
      - The profile itself instead of a file, as text or as a mapping, for a profile in Ansible Vault. It stays in
        memory.
    type: raw
    vars:
      - name: ansible_knockwork_profile_content
  secret:
    description:
      - The fleet's master secret as a value, for a secret in Ansible Vault. Every derived sequence of the profile takes
        it, and its C(secret_file) is not read. It stays in memory.
    type: str
    vars:
      - name: ansible_knockwork_secret
  executable:
    description:
      - The command on the controller, by its path or its name.
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
      - How the core on the controller is reached. C(python) imports the package C(knockwork) into Ansible's own
        Python, C(cli) runs the command, C(auto) takes the first that is there. Both give the same results.
    type: str
    choices: [auto, python, cli]
    default: auto
requirements:
  - knockwork on the controller, of the same minor version as this collection
'''

EXAMPLES = r'''
- name: Notice when a host's sequence changes
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
    - "For each host a dictionary: C(host), C(address), C(name), C(knocks) and C(services), which are numbers of them,
      and C(fingerprint). With I(reveal) also C(knock) and C(opens), lists of ports."
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

from ansible.plugins.lookup import LookupBase  # noqa: E402
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import ask, profile_for  # noqa: E402


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        question = dict((name, self.get_option(name)) for name in ('sequence', 'opens')
                        if self.get_option(name) is not None)
        source = dict((name, self.get_option(name)) for name in ('profile', 'profile_content', 'secret'))
        with profile_for(source, self._loader) as profile:
            return [ask('sequence', self.get_option('backend'), self.get_option('executable'), host=host,
                        profile=profile or '', reveal=self.get_option('reveal'), **question)['sequence']
                    for host in terms]
