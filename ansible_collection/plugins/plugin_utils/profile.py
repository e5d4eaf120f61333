# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile as a file of the controller: read, and written whole or not at all."""
from __future__ import annotations

from ansible_collections.knockwork.nft.plugins.module_utils.files import Draft, read
from ansible_collections.knockwork.nft.plugins.plugin_utils.controller import Refused, ask, path_of
from ansible_collections.knockwork.nft.plugins.plugin_utils.hosts import HEADER, entries_of, text_of


def read_entries(path):
    """Its entries, none where there is no file. Raises Refused where somebody else wrote it, or it is none."""
    try:
        text = read(path)
        if text is None:
            return []
        if not text.startswith(HEADER):
            raise ValueError('was not written by this module: name another file, or put the line %r at the top and '
                             'move its comments elsewhere' % HEADER.strip())
        return entries_of(text)
    except ValueError as error:
        raise Refused('the profile %s %s' % (path, str(error).replace(path + ': ', 'is '))) from None


def draft_of(path, entries, backend='auto', executable='knockwork'):
    """The file that says it; the core has checked a new text. Raises Refused."""
    draft = Draft(path, text_of(entries) if entries else None)
    if draft.changed and draft.text is not None:
        ask('profile', backend, executable, [draft.text], name=path, text=draft.text)
    return draft


def write(draft):
    try:
        draft.prepare()
        draft.commit()
    finally:
        draft.discard()
