// The functions of libnftables(3) that are used, named as there.
#pragma once

#include <nftables/libnftables.h>

#include "kernel/libraries/library.hpp"

namespace knockwork {

struct Libnftables {
  Library file{"libnftables.so.1"};
  LibraryFunction<decltype(::nft_ctx_new)> ctx_new{file, "nft_ctx_new"};
  LibraryFunction<decltype(::nft_ctx_free)> ctx_free{file, "nft_ctx_free"};
  LibraryFunction<decltype(::nft_ctx_output_set_flags)> ctx_output_set_flags{file,
                                                                             "nft_ctx_output_set_flags"};
  LibraryFunction<decltype(::nft_ctx_set_dry_run)> ctx_set_dry_run{file, "nft_ctx_set_dry_run"};
  LibraryFunction<decltype(::nft_ctx_buffer_output)> ctx_buffer_output{file, "nft_ctx_buffer_output"};
  LibraryFunction<decltype(::nft_ctx_buffer_error)> ctx_buffer_error{file, "nft_ctx_buffer_error"};
  LibraryFunction<decltype(::nft_ctx_get_output_buffer)> ctx_get_output_buffer{file,
                                                                               "nft_ctx_get_output_buffer"};
  LibraryFunction<decltype(::nft_ctx_get_error_buffer)> ctx_get_error_buffer{file,
                                                                             "nft_ctx_get_error_buffer"};
  LibraryFunction<decltype(::nft_run_cmd_from_buffer)> run_cmd_from_buffer{file, "nft_run_cmd_from_buffer"};
  LibraryFunction<decltype(::nft_run_cmd_from_filename)> run_cmd_from_filename{file,
                                                                               "nft_run_cmd_from_filename"};
};

// Throws SystemError where the library is not installed.
const Libnftables& libnftables();

}  // namespace knockwork
