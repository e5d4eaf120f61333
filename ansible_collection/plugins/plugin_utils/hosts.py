# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a profile: one host's put in, changed or taken out, the others left as they are. Pure."""
from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterable
from typing import Any

import yaml  # type: ignore[import]
from ansible.module_utils.common.yaml import yaml_load  # in C, where PyYAML has that
from ansible_collections.knockwork.nft.plugins.module_utils.keys import sequence_text

HEADER = '# Written by knockwork.nft.profile: comments are lost with its next run.\n'

DROP_INS = 'drop_ins'  # of an entry: which of its sequences a task without drop_in keeps; no key for the core

_TOP = HEADER + 'knockwork: 1\nhosts:\n'
_NOTED = '\n    # %s: ' % DROP_INS
_ENTRY = re.compile(r'^  - ', re.MULTILINE)
_PATTERN = re.compile(r'[*?\[\\]')

Entry = dict[str, Any]
Entries = list[Entry]


def entries_of(text: str) -> Entries:
    """What the file says. Raises ValueError where it is not such a file."""
    try:
        document = yaml_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)  # the error's own text quotes the line
        raise ValueError('not YAML%s' % (' at line %d' % (mark.line + 1) if mark else '')) from None
    entries = document.get('hosts') if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ValueError('has no list `hosts`')
    return entries


def own_entries_of(text: str) -> Entries:
    """What text_of() wrote, with the names of drop-ins. Raises ValueError as entries_of() does."""
    return entries_of(text.replace(_NOTED, _NOTED.replace('# ', '')))


def apart(text: str, name: str) -> tuple[str, str, str] | None:
    """The text before a host's entries, a file of theirs alone, and the text after.

    None where text_of() did not write it. To change one entry, those of thousands of other hosts need not be read.
    """
    if not text.startswith(_TOP + '  - '):
        return None
    starts = [found.start() for found in _ENTRY.finditer(text, len(_TOP))] + [len(text)]
    named = [found.start() for found in re.finditer(re.escape(json.dumps(name).lower()), text.lower())]
    if not named:
        return None
    first = starts[bisect.bisect_right(starts, named[0]) - 1]
    last = starts[bisect.bisect_right(starts, named[-1])]
    return text[:first], _TOP + text[first:last], text[last:]


def entries_about(text: str, name: str) -> Entries:
    """The host's own entries; all of them where these cannot be told apart. Raises ValueError, as entries_of()."""
    parts = apart(text, name)
    return entries_of(parts[1] if parts else text)


def together(before: str, text: str, after: str) -> str:
    """What apart() took apart."""
    return before + text[len(_TOP):] + after


def names_of(entry: Entry) -> list[str]:
    """The names and patterns of an entry."""
    named = entry.get('host')
    return [str(each) for each in named] if isinstance(named, list) else [str(named)]


def entry_named(entries: Entries, name: str) -> Entry | None:
    """The entry of this first name, None where there is none."""
    return next((each for each in entries if _is(each, name)), None)


def merged(entries: Entries, entry: Entry) -> Entries:
    """The entries with this one: in the place of that of the same first name, before every pattern if it is new.

    A sequence that was rotated to a later epoch meanwhile stays at that one, and a drop-in stays.
    """
    entry, name = _with_epochs(entry), names_of(entry)[0]
    if any(_is(each, name) for each in entries):
        return [_not_back(_and_drop_ins(entry, each), each) if _is(each, name) else each for each in entries]
    place = next((number for number, each in enumerate(entries) if any(map(_PATTERN.search, names_of(each)))),
                 len(entries))
    return entries[:place] + [entry] + entries[place:]


def merged_drop_ins(entries: Entries, entry: Entry, given: Iterable[str]) -> Entries:
    """The entries with the sequences of this one as drop-ins: the host's others stay.

    So does what else is said of the host, but for the keys that are `given`.
    """
    before = entry_named(entries, names_of(entry)[0]) or entry
    stood = dict((each.get('name'), each) for each in before.get('sequences') or [])
    new = dict((each['name'], each) for each in entry['sequences'])
    joined = {**before, **dict((key, entry[key]) for key in given), 'sequences': list({**stood, **new}.values())}
    return merged(entries, _noted(joined, set(before.get(DROP_INS) or []).union(new)))


def without_drop_ins(entries: Entries, entry: Entry) -> Entries:
    """The entries without the sequences that this one names, or without the host where no other is left."""
    name, gone = names_of(entry)[0], set(each['name'] for each in entry['sequences'])
    before = entry_named(entries, name)
    left = [each for each in before.get('sequences') or [] if each.get('name') not in gone] if before else []
    if not left:
        return without(entries, name)
    return [_noted(dict(each, sequences=left), set(each.get(DROP_INS) or []) - gone) if _is(each, name) else each
            for each in entries]


def _and_drop_ins(entry: Entry, before: Entry) -> Entry:
    names = set(each.get('name') for each in entry.get('sequences') or [])
    kept = [each for each in before.get('sequences') or []
            if each.get('name') in (before.get(DROP_INS) or []) and each.get('name') not in names]
    if not kept:
        return entry
    return _noted(dict(entry, sequences=entry['sequences'] + kept), set(each['name'] for each in kept))


def _noted(entry: Entry, names: set[Any]) -> Entry:
    rest = dict((key, value) for key, value in entry.items() if key != DROP_INS)
    return {**rest, DROP_INS: sorted(names)} if names else rest


def _with_epochs(entry: Entry) -> Entry:
    """What a host finds in its record, a client finds here: 0 at first."""
    sequences = [_in_epoch_0(each) for each in entry.get('sequences') or []]
    return dict(entry, sequences=sequences) if sequences else entry


def _in_epoch_0(sequence: Entry) -> Entry:
    derive = _derive(sequence)
    if not derive or any(derive.get(key) is not None for key in ('epoch', 'period')):
        return sequence
    return dict(sequence, derive=dict(derive, epoch=0))


def _not_back(entry: Entry, before: Entry) -> Entry:
    stood = dict((each.get('name'), (each.get('derive') or {}).get('epoch')) for each in before.get('sequences') or [])
    sequences = [_in_epoch(each, stood.get(each.get('name')) or 0) for each in entry.get('sequences') or []]
    return dict(entry, sequences=sequences) if sequences else entry


def without(entries: Entries, name: str) -> Entries:
    """The entries but for that of this first name."""
    return [each for each in entries if not _is(each, name)]


def with_epoch(entries: Entries, name: str, epoch: int) -> tuple[int | None, Entries]:
    """What the host's derived sequences stood at, None where it has none that go by `epoch`; and the entries with
    this one, where theirs is lower."""
    stood, changed = [], []
    for entry in entries:
        derived = [each for each in entry.get('sequences') or [] if (each.get('derive') or {}).get('epoch') is not None]
        if name.lower() not in map(str.lower, names_of(entry)) or not derived:
            changed.append(entry)
            continue
        stood += [each['derive']['epoch'] for each in derived]
        changed.append(dict(entry, sequences=[_in_epoch(each, epoch) for each in entry['sequences']]))
    return (min(stood) if stood else None), changed


def with_entries(entries: Entries, name: str, others: Entries) -> Entries:
    """The entries with the host's own as they are in others."""
    theirs = dict((names_of(each)[0], each) for each in others if name.lower() in map(str.lower, names_of(each)))
    return [theirs.get(names_of(each)[0], each) for each in entries]


def epochs_of(entries: Entries, name: str) -> list[int]:
    """Those that the host's derived sequences go by; what is not as it should be has none."""
    found = (_derive(each) for entry in entries if name.lower() in map(str.lower, names_of(entry))
             for each in _listed(entry.get('sequences')))
    return [each['epoch'] for each in found if isinstance(each.get('epoch'), int)]


def _listed(sequences: Any) -> Entries:
    return [each for each in sequences if isinstance(each, dict)] if isinstance(sequences, list) else []


def _derive(sequence: Entry) -> dict[str, Any]:
    return sequence['derive'] if isinstance(sequence.get('derive'), dict) else {}


def _in_epoch(sequence: Entry, epoch: int) -> Entry:
    derive = sequence.get('derive') or {}
    if derive.get('epoch') is None or derive['epoch'] >= epoch:
        return sequence
    return dict(sequence, derive=dict(derive, epoch=epoch, accepts=None))


def text_of(entries: Entries) -> str:
    """The file that says it."""
    lines = [HEADER + 'knockwork: 1', 'hosts:' if entries else 'hosts: []']
    for entry in entries:
        rest = ['%s%s: %s' % ('# ' if key == DROP_INS else '', key, json.dumps(value))
                for key, value in entry.items() if key != 'sequences']
        lines += ['  - ' + rest[0]] + ['    ' + each for each in rest[1:]]
        if entry.get('sequences'):
            lines.append('    sequences:')
            lines += ['      ' + line for each in entry['sequences'] for line in sequence_text(each)]
    return '\n'.join(lines) + '\n'


def _is(entry: Entry, name: str) -> bool:
    return names_of(entry)[0].lower() == name.lower()
