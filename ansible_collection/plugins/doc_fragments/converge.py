# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    # What every module takes that changes a declaration and applies it.
    DOCUMENTATION = r'''
options:
  confirm_within:
    description:
      - How long the host waits for a confirmation after a change, as in C(60s) or C(5m), from C(1s) to C(1h). Without a
        confirmation, the host rolls the change back, including the file that this module wrote, whatever happens to the
        controller.
      - The confirmation is part of the task. The task closes the connection, opens a new one (with a fresh knock if the
        connection plugin knocks) and confirms over it. So a change that locks out the controller fails the task and is
        rolled back. A grant from before the change proves nothing.
      - If nothing changes, in check mode, and when the table is removed, there is nothing to confirm.
      - Not compatible with C(async).
    type: str
  revoke_retired:
    description:
      - For emergencies. The grants of sequences that this task removes or changes are revoked in the same transaction,
        and connections to their services are cut, unless the source has a grant from another sequence or is in
        I(always_allow). The connection over which the module runs is not cut.
      - By default, the grants expire as usual and the connections continue.
    type: bool
    default: false
  allow_absent:
    description:
      - Whether to apply a declaration if none of its I(interfaces) exists yet. Nothing is protected until one does.
      - If only some of them are missing, there is a warning.
    type: bool
    default: false
  lint:
    description:
      - Whether to show the advice of C(knockwork lint) as warnings, for example about ports that are equally spaced or
        that scanners try first.
      - If more than 25 sequences are declared, run C(knockwork lint) on the host instead.
    type: bool
    default: true
'''
