# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile, and others of the controller's files: read, and written whole or not at all."""
from __future__ import annotations

import contextlib
import os
from contextlib import AbstractContextManager
from typing import Any, Dict, List

from ansible_collections.knockwork.nft.plugins.module_utils.files import Draft, locked_folder, read
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import Refused, ask, path_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.hosts import (
    HEADER, apart, own_entries_of, text_of, together)

Entries = List[Dict[str, Any]]


def read_entries(path: str) -> Entries:
    """Its entries, none where there is no file. Raises Refused where somebody else wrote it, or it is none."""
    text = _read(path)
    try:
        return [] if text is None else own_entries_of(text)
    except ValueError as error:
        raise _refusal(path, error) from None


def _read(path: str) -> str | None:
    try:
        text = read(path)
        if text is not None and not text.startswith(HEADER):
            raise ValueError('was not written by this module: name another file, or put the line %r at the top and '
                             'move its comments elsewhere' % HEADER.strip())
        return text
    except ValueError as error:
        raise _refusal(path, error) from None


def _refusal(path: str, error: ValueError) -> Refused:
    return Refused('the profile %s %s' % (path, str(error).replace(path + ': ', 'is ')))


class OneHost:
    """The entries of one host in the profile, which this command checks. Raises Refused, as read_entries() does."""

    def __init__(self, path: str, name: str, executable: str) -> None:
        self._path = path
        self._executable = executable
        text = _read(path)
        self._parts = apart(text, name) if text else None
        if self._parts:
            try:
                self.entries = own_entries_of(self._parts[1])
                return
            except ValueError:  # by the whole file it can be told where it is wrong
                self._parts = None
        self.entries = read_entries(path)

    def write(self, entries: Entries) -> None:
        """Raises Refused where the core does."""
        text = text_of(entries)
        ask('profile', 'auto', self._executable, [text], name=self._path, text=text)
        write(Draft(self._path, together(self._parts[0], text, self._parts[2]) if self._parts else text))


def draft_of(path: str, entries: Entries, backend: str, executable: str) -> Draft:
    """The file that says it; the core has checked a new text. Raises Refused."""
    draft = Draft(path, text_of(entries) if entries else None)
    if draft.changed and draft.text is not None:
        ask('profile', backend, executable, [draft.text], name=path, text=draft.text)
    return draft


def alone(path: str) -> AbstractContextManager[Any]:
    """Holds off the tasks of other hosts, where there is anything to hold on to."""
    folder = os.path.dirname(path)
    return locked_folder(folder) if os.path.isdir(folder) else contextlib.nullcontext()


def write(draft: Draft) -> None:
    try:
        draft.prepare()
        draft.commit()
    finally:
        draft.discard()
