// libnftables, loaded when the kernel is first asked. What asks no kernel (to knock, to check a
// declaration) starts without it and its libraries, and works on machines that have none.
#pragma once

#include <nftables/libnftables.h>

namespace knockwork {

// The functions of libnftables(3) that are used, named as there.
struct Libnftables {
  decltype(&::nft_ctx_new) ctx_new;
  decltype(&::nft_ctx_free) ctx_free;
  decltype(&::nft_ctx_output_set_flags) ctx_output_set_flags;
  decltype(&::nft_ctx_set_dry_run) ctx_set_dry_run;
  decltype(&::nft_ctx_buffer_output) ctx_buffer_output;
  decltype(&::nft_ctx_buffer_error) ctx_buffer_error;
  decltype(&::nft_ctx_get_output_buffer) ctx_get_output_buffer;
  decltype(&::nft_ctx_get_error_buffer) ctx_get_error_buffer;
  decltype(&::nft_run_cmd_from_buffer) run_cmd_from_buffer;
};

// Throws SystemError where the library is not installed.
const Libnftables& libnftables();

}  // namespace knockwork
