# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r'''
options: {}
requirements:
  - Linux with nftables 1.0.6 or later on the managed host, and root there
attributes:
  check_mode:
    description: Can run in check mode and says what would change, without touching file or kernel.
    support: full
  diff_mode:
    description: Says with C(--diff) what changes, by names and fingerprints, never by ports.
    support: full
  idempotent:
    description: The same task once more changes nothing.
    support: full
  platform:
    description: The platforms that are supported.
    platforms: linux
    support: full
  action_group:
    description: Use C(group/knockwork.nft.knockwork) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - knockwork.nft.knockwork
'''

    # Beside the standard fragment, for modules that only read.
    INFO = r'''
options: {}
attributes:
  check_mode:
    support: full
    details: This module changes nothing.
  diff_mode:
    support: N/A
    details: This module changes nothing.
  idempotent:
    support: full
    details: This module changes nothing.
'''

    # Instead of the standard fragment, for what the controller does itself.
    CONTROLLER = r'''
options: {}
attributes:
  check_mode:
    description: Can run in check mode, and then changes nothing.
    support: full
  diff_mode:
    description: Says with C(--diff) what changes, never by ports.
    support: full
  idempotent:
    description: The same task once more changes nothing.
    support: full
  platform:
    description: The platforms that are supported, of the controller.
    platforms: linux
    support: full
  connection:
    description: Needs no connection to the host.
    support: none
  action:
    description: Runs on the controller.
    support: full
  action_group:
    description: Use C(group/knockwork.nft.controller) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - knockwork.nft.controller
'''
