# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that come as values, out of Ansible Vault for example: held in memory, and never written to a disk."""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.knockwork.nft.plugins.plugin_utils.hosts import entries_of

CONTENT = 'ansible_knockwork_profile_content'
SECRET = 'ansible_knockwork_secret'
_VAULT = b'$ANSIBLE_VAULT;'


def plain(value: Any) -> Any:
    """What a user wrote as Python's own types, decrypted where `!vault` stands: json, os and yaml know no others."""
    if isinstance(value, Mapping):
        return dict((plain(key), plain(each)) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (int, float)):
        return value
    return str.__str__(value) if isinstance(value, str) else str(value)


class Held:
    """Texts under paths that this user's processes may read, for as long as this process and this value live."""

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._names: dict[str, str] = {}

    def path(self, text: str, name: str) -> str:
        """Where a text is; `name` is what a user calls it."""
        number = os.memfd_create('knockwork')
        self._numbers.append(number)
        os.fchmod(number, 0o600)
        with open(number, 'w', encoding='utf-8', closefd=False) as file:
            file.write(text)
        path = '/proc/%d/fd/%d' % (os.getpid(), number)
        self._names[path] = name
        return path

    def by_names(self, text: str) -> str:
        """A message without the paths that only this process knows."""
        for path in sorted(self._names, key=len, reverse=True):
            text = text.replace(path, self._names[path])
        return text

    def __del__(self) -> None:
        for number in self._numbers:
            os.close(number)


def is_vaulted(path: str) -> bool:
    """Whether it is a file that ansible-vault encrypted."""
    try:
        with open(path, 'rb') as file:
            return file.read(len(_VAULT)) == _VAULT
    except OSError:
        return False


def text_of_file(path: str, loader: Any = None) -> str:
    """Raises AnsibleError where it cannot be read, or is encrypted and nobody here has the password."""
    if not is_vaulted(path):
        try:
            with open(path, encoding='utf-8') as file:
                return file.read()
        except OSError as error:
            raise AnsibleError('%s: %s' % (path, error.strerror)) from None
    if loader is None:
        raise AnsibleError('%s is encrypted with ansible-vault: pass its content as %s, for example '
                           "\"{{ lookup('ansible.builtin.file', '%s') }}\"" % (path, CONTENT, path))
    return loader._get_file_contents(path)[0].decode('utf-8')


def profile_text(path: str, content: Any = None, loader: Any = None) -> str:
    """Of the file, or what takes its place: a text, or what the text says."""
    if content is None:
        return text_of_file(path, loader)
    content = plain(content)
    return content if isinstance(content, str) else json.dumps(content)


def profile_path(held: Held, path: str, content: Any = None, secret: str | None = None, loader: Any = None) -> str:
    """The path to hand to the core: of the file itself, unless there is something that no disk shall have.

    `content` takes the place of the file; `secret`, the fleet's master secret, that of every `secret_file` in it.
    """
    if content is None and secret is None and not is_vaulted(path):
        return path
    name = path if content is None else CONTENT
    text = profile_text(path, content, loader)
    if secret is None:
        return held.path(text, name)
    where = held.path(str(secret).rstrip('\n') + '\n', SECRET)
    entries = [_with_secret(each, where) for each in entries_of(text)]
    return held.path(json.dumps(dict(knockwork=1, hosts=entries)), name)


def _with_secret(entry: dict[str, Any], where: str) -> dict[str, Any]:
    return dict(entry, sequences=[_held_there(each, where) for each in entry.get('sequences') or []])


def _held_there(sequence: dict[str, Any], where: str) -> dict[str, Any]:
    """A sequence whose secret file is this one, if it has any."""
    held = dict((key, dict(sequence[key], secret_file=where)) for key in ('derive', 'token')
                if isinstance(sequence.get(key), dict) and not sequence[key].get('key'))
    return dict(sequence, **held)
