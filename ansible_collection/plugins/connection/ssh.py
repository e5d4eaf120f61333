# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed core's ssh plugin, with `knockwork connect` as its ProxyCommand.

Nothing of core's plugin is repeated here, neither code nor options, so a later core's come along by themselves.
"""
DOCUMENTATION = r'''
name: ssh
short_description: Knocks, then connects with ssh
version_added: 0.1.0
author:
  - The knockwork maintainers (@knockwork)
description:
  - Does what C(ansible.builtin.ssh) does, on hosts whose SSH port opens only to those who knock.
    Before each new SSH connection C(knockwork connect) knocks, connects and hands the socket to ssh. What goes
    over a connection that is shared (ControlPersist) knocks no second time.
  - The knocks are in a profile of the controller, which M(knockwork.nft.profile) or C(knockwork export) writes.
    None is ever an argument of a process.
  - Every option of C(ansible.builtin.ssh) of the installed ansible-core is an option of this plugin
    too, with the same variables, settings and environment. Listed here are only those that are added.
requirements:
  - knockwork on the controller, of the same version as this collection
  - OpenSSH 6.5 or later on the controller
notes:
  - The ProxyCommand of ssh is taken, so neither C(ProxyCommand) nor C(ProxyJump) nor C(-J) may stand in
    C(ssh_args), C(ssh_common_args) or C(ssh_extra_args); a C(ProxyJump) of C(ssh_config) is passed over. To go by
    way of another host, leave the connection at C(ansible.builtin.ssh) and let that host knock,
    C(-o ProxyCommand='ssh bastion knockwork connect %h %p').
  - With C(ansible_ssh_retries) ssh is started again, and knocks again. Give C(knockwork_retries) rather, which
    knows when the host listens to knocks again.
options:
  knockwork_profile:
    description:
      - The file with the knocks, mode 0600. Without it C(~/.config/knockwork/hosts.yml).
    type: path
    vars:
      - name: ansible_knockwork_profile
    env:
      - name: ANSIBLE_KNOCKWORK_PROFILE
    ini:
      - {section: knockwork, key: profile}
  knockwork_host:
    description:
      - The name by which the profile knows the host. Without it the name or address that ssh connects to, which
        is C(ansible_host) unless C(ssh_config) replaces it.
    type: str
    vars:
      - name: ansible_knockwork_host
  knockwork_sequence:
    description:
      - The name of the sequence to knock. Without it the one that opens the SSH port.
    type: str
    vars:
      - name: ansible_knockwork_sequence
    env:
      - name: ANSIBLE_KNOCKWORK_SEQUENCE
    ini:
      - {section: knockwork, key: sequence}
  knockwork_try_first:
    description:
      - Whether to connect without a knock first, and to knock where that fails. For hosts that let the controller
        in at most times.
    type: bool
    default: false
    vars:
      - name: ansible_knockwork_try_first
    env:
      - name: ANSIBLE_KNOCKWORK_TRY_FIRST
    ini:
      - {section: knockwork, key: try_first}
  knockwork_retries:
    description:
      - How many times more to knock at most if a connection was not accepted. The pauses grow; the last one lasts until
        the host's lockout is over. Without it C(knockwork connect) goes on for the lockout and 10 seconds more.
    type: int
    vars:
      - name: ansible_knockwork_retries
    env:
      - name: ANSIBLE_KNOCKWORK_RETRIES
    ini:
      - {section: knockwork, key: retries}
  knockwork_timeout:
    description:
      - How many seconds one attempt to connect may take. Without it what C(knockwork connect) allows by itself.
    type: int
    vars:
      - name: ansible_knockwork_timeout
    env:
      - name: ANSIBLE_KNOCKWORK_TIMEOUT
    ini:
      - {section: knockwork, key: timeout}
  knockwork_executable:
    description:
      - The command, by its path or by its name on C(PATH).
    type: str
    default: knockwork
    vars:
      - name: ansible_knockwork_executable
    env:
      - name: ANSIBLE_KNOCKWORK_EXECUTABLE
    ini:
      - {section: knockwork, key: executable}
'''

EXAMPLES = r'''
# Inventory: all that it takes once the profile is written.
# [servers:vars]
# ansible_connection=knockwork.nft.ssh

- name: Hosts that open to those who knock
  hosts: servers
  connection: knockwork.nft.ssh
  vars:
    ansible_knockwork_retries: 2
  tasks:
    - name: Anything
      ansible.builtin.ping:
'''

import contextlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import shlex  # noqa: E402
import shutil  # noqa: E402

import yaml  # noqa: E402
from ansible import constants as C  # noqa: E402
from ansible.errors import AnsibleConnectionFailure, AnsibleError  # noqa: E402
from ansible.plugins.connection import ssh as core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import without_ports  # noqa: E402

_ARGUMENTS = ('ssh_args', 'ssh_common_args', 'ssh_extra_args', 'sftp_extra_args', 'scp_extra_args')
_EXCERPT = re.compile(r'^.*\n[ ~]*\^~*\n', re.MULTILINE)  # a line, and a caret below it
_PROXY = re.compile(r'proxy(?:command|jump)|(?:^|\s)["\']?-J', re.IGNORECASE)


def _merged(ours, theirs):
    """Our documentation with core's options, which is where Ansible reads a plugin's options from."""
    merged, base = yaml.safe_load(ours), yaml.safe_load(theirs)
    merged['options'] = dict(base['options'], **merged['options'])
    merged['extends_documentation_fragment'] = base.get('extends_documentation_fragment', [])
    return json.dumps(merged)


# Not an assignment: ansible-doc reads the source, and would take that for the documentation.
globals().update(DOCUMENTATION=_merged(DOCUMENTATION, core.DOCUMENTATION))


class Connection(core.Connection):
    """Core's, with one argument more, and with knockwork's own words where it fails."""

    def exec_command(self, *args, **kwargs):
        with self._explained():
            return super().exec_command(*args, **kwargs)

    def put_file(self, *args, **kwargs):
        with self._explained():
            return super().put_file(*args, **kwargs)

    def fetch_file(self, *args, **kwargs):
        with self._explained():
            return super().fetch_file(*args, **kwargs)

    def set_options(self, task_keys=None, var_options=None, direct=None):
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        for option in _ARGUMENTS:
            if self.has_option(option) and _PROXY.search(self.get_option(option) or ''):
                raise AnsibleError("%s names a proxy, but the connection knockwork.nft.ssh needs ssh's ProxyCommand "
                                   "for itself: take the proxy out, or connect with ansible.builtin.ssh and let the "
                                   "proxy run knockwork connect" % option)
        said = self.get_option('ssh_common_args')
        self.set_option('ssh_common_args', ' '.join(([said] if said else []) + [self._proxy()]))

    def _proxy(self):
        """What ssh is told, quoted for Ansible, which takes it apart as a shell does."""
        words = [self._executable(), 'connect', '--fdpass']
        for name in ('profile', 'sequence', 'retries', 'timeout'):
            value = self.get_option('knockwork_' + name)
            if value is not None:
                words += ['--' + name, '%ss' % value if name == 'timeout' else str(value)]
        if self.get_option('knockwork_try_first'):
            words.append('--try-first')
        host = self.get_option('knockwork_host')
        command = ' '.join(_word(word) for word in words + ([host] if host else [])) + (' %p' if host else ' %h %p')
        if re.search('controlp(?:ath|ersist)', command, re.IGNORECASE):
            raise AnsibleError('%s: no name or path given to knockwork may hold ControlPath or ControlPersist, which '
                               "Ansible would take for a setting of ssh's" % command)
        command += ' 2>' + _word(self._errors())
        return shlex.join(['-o', 'ProxyUseFdpass=yes', '-o', 'ProxyCommand=' + command])

    def _executable(self):
        name = self.get_option('knockwork_executable')
        if not shutil.which(name):
            raise AnsibleError('cannot find the command %s: install knockwork on the controller, or say in '
                               'ansible_knockwork_executable where it is' % name)
        return name

    def _errors(self):
        """Where knockwork connect says what went wrong: ssh gives its words away where connections are shared."""
        return os.path.join(C.DEFAULT_LOCAL_TMP, 'knockwork-%d' % os.getpid())

    @contextlib.contextmanager
    def _explained(self):
        try:
            yield
        except AnsibleConnectionFailure as error:
            said = self._said()
            if said:
                raise AnsibleConnectionFailure(said) from error
            raise

    def _said(self):
        """The errors without what they quote of the profile: to a caller's terminal that is help, here a leak."""
        profile = self.get_option('knockwork_profile') or os.path.expanduser('~/.config/knockwork/hosts.yml')
        errors, quoted = _taken(self._errors()), _text(profile)
        plain = _EXCERPT.sub('', errors).strip()
        return without_ports(dict(said=plain), [quoted])['said']


def _taken(path):
    """A file's text, once."""
    text = _text(path)
    with contextlib.suppress(OSError):
        os.unlink(path)
    return text


def _text(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def _word(text):
    """A word for the shell by which ssh starts a ProxyCommand, after ssh has replaced what follows a %."""
    return shlex.quote(text).replace('%', '%%')
