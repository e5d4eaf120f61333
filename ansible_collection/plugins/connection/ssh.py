# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed core's ssh plugin, with `knockwork connect` as its ProxyCommand.

Nothing of core's plugin is repeated here, neither code nor options, so a later core's come along by themselves.
"""
DOCUMENTATION = r'''
name: ssh
short_description: Knock, then connect with ssh
version_added: 0.1.0
author:
  - The knockwork maintainers (@knockwork)
description:
  - Works like C(ansible.builtin.ssh), for hosts whose SSH port opens only to clients that knock. Before each new SSH
    connection, C(knockwork connect) knocks, connects and passes the socket to ssh. Tasks over a shared connection
    (ControlPersist) do not knock again.
  - The knocks are in a profile on the controller, written by M(knockwork.nft.profile) or C(knockwork export). They
    never appear in the arguments of a process.
  - This plugin has every option of the installed C(ansible.builtin.ssh), with the same variables, settings and
    environment. Only the additional options are listed here.
requirements:
  - knockwork on the controller, of the same minor version as this collection
  - OpenSSH 6.5 or later on the controller
notes:
  - This plugin uses ssh's ProxyCommand, so C(ssh_args), C(ssh_common_args) and C(ssh_extra_args) must not contain
    C(ProxyCommand), C(ProxyJump) or C(-J). Set I(knockwork_jump) for a bastion. With a C(ProxyJump) in C(ssh_config),
    the task fails unless I(knockwork_jump) is set.
  - If hosts behind a bastion require knocks too, use C(ansible.builtin.ssh) and let the bastion knock, C(-o
    ProxyCommand='ssh bastion knockwork connect %h %p').
  - C(ansible_ssh_retries) restarts ssh, which knocks again. Use C(knockwork_retries) instead, because it waits for the
    end of the host's lockout.
options:
  knockwork_profile:
    description:
      - The file with the knocks, mode 0600. Defaults to C(~/.config/knockwork/hosts.yml).
    type: path
    vars:
      - name: ansible_knockwork_profile
    env:
      - name: ANSIBLE_KNOCKWORK_PROFILE
    ini:
      - {section: knockwork, key: profile}
  knockwork_profile_content:
    description:
      - The contents of the profile instead of a file, as text or a mapping, for a profile in Ansible Vault. It stays in
        memory.
    type: raw
    vars:
      - name: ansible_knockwork_profile_content
  knockwork_secret:
    description:
      - The fleet's master secret itself, for a secret in Ansible Vault. Every derived sequence in the profile uses it
        instead of its C(secret_file). It stays in memory.
    type: str
    vars:
      - name: ansible_knockwork_secret
  knockwork_jump:
    description:
      - >-
        A bastion whose SSH port opens to clients that knock, as C([user@]host[:port]), or several in order, separated
        by commas: the plugin knocks on the first, and ssh continues from there. The profile needs an entry for the
        bastion, but not for the host behind it.
      - C(none) connects directly, regardless of C(ssh_config).
    type: str
    vars:
      - name: ansible_knockwork_jump
    env:
      - name: ANSIBLE_KNOCKWORK_JUMP
    ini:
      - {section: knockwork, key: jump}
  knockwork_host:
    description:
      - The name of the host, or of the bastion in I(knockwork_jump), in the profile. Defaults to the name or address
        that ssh connects to, which is C(ansible_host) unless C(ssh_config) replaces it.
    type: str
    vars:
      - name: ansible_knockwork_host
  knockwork_sequence:
    description:
      - The name of the sequence to knock. Defaults to the one that opens the SSH port.
    type: str
    vars:
      - name: ansible_knockwork_sequence
    env:
      - name: ANSIBLE_KNOCKWORK_SEQUENCE
    ini:
      - {section: knockwork, key: sequence}
  knockwork_try_first:
    description:
      - Whether to first try to connect without knocking, and to knock only if that fails. For hosts that usually let
        the controller in.
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
      - The maximum number of retries if a connection is not accepted. The pauses increase; the last one lasts until the
        host's lockout is over. By default, C(knockwork connect) keeps knocking for the lockout plus 10 seconds.
    type: int
    vars:
      - name: ansible_knockwork_retries
    env:
      - name: ANSIBLE_KNOCKWORK_RETRIES
    ini:
      - {section: knockwork, key: retries}
  knockwork_timeout:
    description:
      - The timeout of one connection attempt, as in C(5s) or C(1m30s); a number alone means seconds. Defaults to
        that of C(knockwork connect).
    type: str
    vars:
      - name: ansible_knockwork_timeout
    env:
      - name: ANSIBLE_KNOCKWORK_TIMEOUT
    ini:
      - {section: knockwork, key: timeout}
  knockwork_executable:
    description:
      - The path of the command, or its name on C(PATH).
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
# Inventory: this is all that you need once the profile is written.
# [servers:vars]
# ansible_connection=knockwork.nft.ssh

- name: Manage hosts that open to clients that knock
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
import subprocess  # noqa: E402
from typing import Any, Iterator, Optional  # noqa: E402

import ansible.constants as C  # noqa: E402
from ansible.errors import AnsibleConnectionFailure, AnsibleError  # noqa: E402
from ansible.module_utils.common.yaml import yaml_load  # noqa: E402
from ansible.plugins.connection import ssh as core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import without_ports  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.words import in_playbooks  # noqa: E402
from ansible_collections.knockwork.nft.plugins.plugin_utils.bastions import hops_of  # noqa: E402
from ansible_collections.knockwork.nft.plugins.plugin_utils.held import Held, profile_path  # noqa: E402
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import path_of  # noqa: E402

_ARGUMENTS = ('ssh_args', 'ssh_common_args', 'ssh_extra_args', 'sftp_extra_args', 'scp_extra_args')
_EXCERPT = re.compile(r'^.*\n[ ~]*\^~*\n', re.MULTILINE)  # a line, and a caret below it
_PROXY = re.compile(r'proxy(?:command|jump)|(?:^|\s)["\']?-J', re.IGNORECASE)
_JUMP = re.compile(r'^proxyjump (\S+)$', re.MULTILINE)  # as `ssh -G` prints it


def _merged(ours: str, theirs: str) -> str:
    """Our documentation with core's options, which is where Ansible reads a plugin's options from."""
    merged, base = yaml_load(ours), yaml_load(theirs)  # each worker process does: in C it takes 3 ms, not 20
    merged['options'] = dict(base['options'], **merged['options'])
    merged['extends_documentation_fragment'] = base.get('extends_documentation_fragment', [])
    return json.dumps(merged)


# Not an assignment: ansible-doc reads the source, and would take that for the documentation.
globals().update(DOCUMENTATION=_merged(DOCUMENTATION, core.DOCUMENTATION))


class Connection(core.Connection):
    """Core's, with one argument more, and with knockwork's own words where it fails."""

    def exec_command(self, *args: Any, **kwargs: Any) -> Any:
        with self._explained():
            return super().exec_command(*args, **kwargs)

    def put_file(self, *args: Any, **kwargs: Any) -> Any:
        with self._explained():
            return super().put_file(*args, **kwargs)

    def fetch_file(self, *args: Any, **kwargs: Any) -> Any:
        with self._explained():
            return super().fetch_file(*args, **kwargs)

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        self._common_args = self.get_option('ssh_common_args')
        self._set_proxy()

    def reset(self) -> None:
        super().reset()
        # A profile that is held in memory is that of the beginning of the task, which may have written another since.
        self.set_option('ssh_common_args', self._common_args)
        self._set_proxy()

    def _set_proxy(self) -> None:
        # What is wrong is said when somebody connects: tasks of the controller need no connection.
        self._wrong, self._held = None, Held()
        try:
            self._refuse_proxies()
            ours = self._proxy()
        except AnsibleError as error:
            self._wrong = error
            return
        except ValueError as error:
            self._wrong = AnsibleError('the profile %s' % error)
            return
        said = [self._common_args] if self._common_args else []
        self.set_option('ssh_common_args', ' '.join(said + [ours]))

    def _refuse_proxies(self) -> None:
        for option in _ARGUMENTS:
            if self.has_option(option) and _PROXY.search(self.get_option(option) or ''):
                raise AnsibleError("%s sets a proxy, but the connection plugin knockwork.nft.ssh uses ssh's "
                                   "ProxyCommand itself: remove the proxy, and set ansible_knockwork_jump for a bastion"
                                   % option)

    def _proxy(self) -> str:
        """What ssh is told, quoted for Ansible, which takes it apart as a shell does."""
        command, fdpass = self._knocking() + ' 2>' + _word(self._errors()), 'yes'
        for hop in hops_of(self.get_option('knockwork_jump'), 'ansible_knockwork_jump'):
            command, fdpass = self._by_way_of(hop, command, fdpass), 'no'
        return shlex.join(['-o', 'ProxyUseFdpass=' + fdpass, '-o', 'ProxyCommand=' + command])

    def _knocking(self) -> str:
        """The command that knocks and connects; %h and %p are for ssh to fill in."""
        words = [self.get_option('knockwork_executable'), 'connect', '--fdpass']
        self._profile = profile = profile_path(
            self._held, path_of(self.get_option('knockwork_profile')), self.get_option('knockwork_profile_content'),
            self.get_option('knockwork_secret'))
        if self.get_option('knockwork_profile') is not None or profile.startswith('/proc/'):
            words += ['--profile', profile]
        for name in ('sequence', 'retries', 'timeout'):
            value = self.get_option('knockwork_' + name)
            if value is not None:
                seconds = name == 'timeout' and str(value).isdigit()
                words += ['--' + name, '%ss' % value if seconds else str(value)]
        if self.get_option('knockwork_try_first'):
            words.append('--try-first')
        host = self.get_option('knockwork_host')
        command = ' '.join(_word(word) for word in words + ([host] if host else [])) + (' %p' if host else ' %h %p')
        if re.search('controlp(?:ath|ersist)', command, re.IGNORECASE):
            raise AnsibleError('%s: names and paths for knockwork must not contain ControlPath or ControlPersist, '
                               'which Ansible would mistake for ssh settings' % command)
        return command

    def _by_way_of(self, hop: str, command: str, fdpass: str) -> str:
        """The command that connects by way of a bastion, which the command given connects to."""
        words = [self.get_option('ssh_executable'), '-o', 'ProxyUseFdpass=' + fdpass]
        if not self.get_option('host_key_checking'):
            words += ['-o', 'StrictHostKeyChecking=no']
        port = re.search(r':([0-9]+)$', hop)
        target = hop[:port.start()] if port else hop
        words += ['-p', port[1]] if port else []
        ours = ' '.join(_word(word) for word in words + ['-o', 'ProxyCommand=' + command])
        return "%s -W '[%%h]:%%p' %s" % (ours, _word(re.sub(r'[\[\]]', '', target)))

    def _check(self) -> None:
        """What would end in ssh's or nobody's words. Raises AnsibleError."""
        if self._wrong is not None:
            raise self._wrong
        name = self.get_option('knockwork_executable')
        if not shutil.which(name):
            raise AnsibleError('cannot find the command %s: install knockwork on the controller, or set '
                               'ansible_knockwork_executable to its path' % name)
        if self.get_option('knockwork_jump') is None:
            self._refuse_passing_over(self._jump_of_ssh())

    def _refuse_passing_over(self, jump: Optional[str]) -> None:
        if jump not in (None, 'none'):
            raise AnsibleError('the ssh configuration has a ProxyJump to %s for this host, which the connection plugin '
                               'knockwork.nft.ssh would ignore: set ansible_knockwork_jump to %s to knock there and '
                               'continue from there, or to none to connect directly' % (jump, jump))

    def _jump_of_ssh(self) -> Optional[str]:
        """What the user's ssh_config says, None where it says nothing; asked once a task."""
        if self._jump is False:
            argv = [self.get_option('ssh_executable'), '-G', self.get_option('host') or self._play_context.remote_addr]
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            found = _JUMP.search(done.stdout)
            self._jump = found[1] if found else None
        return self._jump

    _jump: Any = False  # not asked for

    def _errors(self) -> str:
        """Where knockwork connect says what went wrong: ssh gives its words away where connections are shared."""
        return os.path.join(C.DEFAULT_LOCAL_TMP, 'knockwork-%d' % os.getpid())

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        self._check()
        try:
            yield
        except AnsibleConnectionFailure as error:
            said = self._said()
            if said:
                raise AnsibleConnectionFailure(said) from error
            raise

    def _said(self) -> str:
        """The errors without what they quote of the profile: to a caller's terminal that is help, here a leak."""
        errors = _taken(self._errors())
        plain = self._held.by_names(in_playbooks(_EXCERPT.sub('', errors).strip()))
        return without_ports(dict(said=plain), [_text(self._profile)])['said']


def _taken(path: str) -> str:
    """A file's text, once."""
    text = _text(path)
    with contextlib.suppress(OSError):
        os.unlink(path)
    return text


def _text(path: str) -> str:
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return ''


def _word(text: str) -> str:
    """A word for the shell by which ssh starts a ProxyCommand, after ssh has replaced what follows a %."""
    return shlex.quote(text).replace('%', '%%')
