#!/usr/bin/python
# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
DOCUMENTATION = r'''
---
module: pending
short_description: Keep or take back an apply that waits for its confirmation
version_added: 0.1.0
description:
  - An apply with I(confirm_within) is taken back by the host itself, unless somebody confirms it in time.
    M(knockwork.nft.ruleset) and M(knockwork.nft.sequence) confirm theirs by themselves, over a connection that
    is newer than the change. This module is for those that were made by C(knockwork apply --confirm-within),
    and for taking one back at once.
author:
  - The knockwork maintainers (@knockwork)
extends_documentation_fragment:
  - knockwork.nft.attributes
  - knockwork.nft.backend
options:
  state:
    description:
      - C(confirmed) keeps the apply that waits; C(rolled_back) brings back the table of before, with its grants,
        and the files that changed with it.
      - Where none waits nothing is done, unless I(id) names one.
    type: str
    choices: [confirmed, rolled_back]
    default: confirmed
  id:
    description:
      - The apply that is meant. If another one waits, or none, the module fails.
      - Without it whichever waits.
    type: str
  fresh:
    description:
      - >-
        Only with C(state: confirmed): whether to refuse, unless the ssh connection over which this module runs, or a
        knock for it, is newer than the apply. A connection from before it lives on whatever the new table says, and
        proves nothing.
      - >-
        The connections of C(ControlPersist) are such. Run C(meta: reset_connection) before.
    type: bool
    default: false
seealso:
  - module: knockwork.nft.ruleset
  - module: knockwork.nft.sequence
'''

EXAMPLES = r'''
- name: Come in anew
  ansible.builtin.meta: reset_connection

- name: Keep what waits, if one can still come in
  knockwork.nft.pending:
    fresh: true

- name: Take back what waits
  knockwork.nft.pending:
    state: rolled_back
'''

RETURN = r'''
changes:
  description: What was changed, or with check mode would be. Empty where nothing waited.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: change
      object: apply
      name: 5f1d92ab
      before: waits
      after: kept
      why: confirmed
'''

from ansible_collections.knockwork.nft.plugins.module_utils.core import CORE, Core  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.report import finish  # noqa: E402
from ansible_collections.knockwork.nft.plugins.module_utils.secrecy import SecretiveModule  # noqa: E402

COMMANDS = dict(confirmed='confirm', rolled_back='rollback')
OUTCOMES = dict(confirmed='kept', rolled_back='taken back')


def main():
    module = SecretiveModule(
        argument_spec=dict(
            state=dict(type='str', choices=['confirmed', 'rolled_back'], default='confirmed'),
            id=dict(type='str'),
            fresh=dict(type='bool', default=False),
            **CORE
        ),
        supports_check_mode=True,
    )
    state, wanted = module.params['state'], module.params['id']
    core = Core(module)
    with module.failures():
        waiting = core.ask('status').get('pending')
        if waiting is None and not wanted:
            finish(module, None)
        if module.check_mode and waiting is not None and wanted in (None, waiting['id']):
            finish(module, dict(warnings=[], changes=[dict(
                kind='change', object='apply', name=waiting['id'], before='waits', after=OUTCOMES[state], why='')]))
        finish(module, core.ask(COMMANDS[state], id=wanted or '', prove=module.params['fresh']))


if __name__ == '__main__':
    main()
