# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core speaks to whoever typed its command; a playbook's reader is told modules and options instead."""
import re

# What the core says, and what it means here. The first that fits counts.
WORDS = (
    ('run `knockwork apply` first', 'apply one with knockwork.nft.ruleset first'),
    ('run `knockwork apply`', 'run knockwork.nft.ruleset'),
    ('look at `knockwork status`', 'look at knockwork.nft.ruleset_info'),
    ('see `knockwork status`', 'see knockwork.nft.ruleset_info'),
    ('`knockwork plan`', 'knockwork.nft.ruleset in check mode'),
    ('`knockwork confirm` keeps it, `knockwork rollback` rolls it back now',
     'knockwork.nft.pending keeps it with `state: confirmed` and rolls it back now with `state: rolled_back`'),
    ('`knockwork apply --confirm-within 60s` creates one', 'a task with `confirm_within` creates one'),
    ('write it (`knockwork export` on the host prints it), or name another with --profile',
     'write it with knockwork.nft.profile, or name another in ansible_knockwork_profile'),
    ('name the profile with --profile', 'name the profile in ansible_knockwork_profile'),
    ('choose with --sequence', 'choose with `sequence` or ansible_knockwork_sequence'),
    ('set `epoch`, as in the output of `knockwork export` there', 'set `epoch` in knockwork.nft.profile'),
    ('allow it with --allow-absent (`allow_absent: true` in Ansible)', 'allow it with `allow_absent: true`'),
    ('end them with `knockwork revoke`', 'end them with knockwork.nft.grant and `state: absent`'),
    ('`knockwork apply` loads', 'knockwork.nft.ruleset loads'),
    ('wait until it finishes, or increase --lock-timeout', 'run the task again later'),
    ('`confirm --fresh` will not work for this apply', 'this apply cannot be confirmed with `fresh: true`'),
    ('run as root (sudo)', 'run as root'),
    ('(compare with `knockwork epoch show` there)', '(compare with the epochs that knockwork.nft.ruleset_info shows)'),
)
_ENTRY = re.compile(r'add an entry `- host: [^`]*`')


def in_playbooks(text):
    """The core's sentence in the words of this collection."""
    for said, meant in WORDS:
        text = text.replace(said, meant)
    return _ENTRY.sub('write its entry with knockwork.nft.profile', text)


def all_in_playbooks(value):
    """The same for every sentence in a value of the core's."""
    if isinstance(value, dict):
        return dict((key, all_in_playbooks(each)) for key, each in value.items())
    if isinstance(value, list):
        return [all_in_playbooks(each) for each in value]
    return in_playbooks(value) if isinstance(value, str) else value


def need_of_root(user):
    """What to add where the system refused somebody who is not root; empty for root."""
    return '' if user == 0 else '; this task did not run as root: set `become: true`'
