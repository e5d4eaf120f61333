// The functions of libmnl that are used, named as there.
#pragma once

#include <libmnl/libmnl.h>

#include "kernel/libraries/library.hpp"

namespace knockwork {

struct Libmnl {
  Library file{"libmnl.so.0"};
  LibraryFunction<decltype(::mnl_socket_bind)> socket_bind{file, "mnl_socket_bind"};
  LibraryFunction<decltype(::mnl_socket_close)> socket_close{file, "mnl_socket_close"};
  LibraryFunction<decltype(::mnl_socket_get_fd)> socket_get_fd{file, "mnl_socket_get_fd"};
  LibraryFunction<decltype(::mnl_socket_get_portid)> socket_get_portid{file, "mnl_socket_get_portid"};
  LibraryFunction<decltype(::mnl_socket_open)> socket_open{file, "mnl_socket_open"};
  LibraryFunction<decltype(::mnl_socket_recvfrom)> socket_recvfrom{file, "mnl_socket_recvfrom"};
  LibraryFunction<decltype(::mnl_socket_sendto)> socket_sendto{file, "mnl_socket_sendto"};
  LibraryFunction<decltype(::mnl_socket_setsockopt)> socket_setsockopt{file, "mnl_socket_setsockopt"};
  LibraryFunction<decltype(::mnl_nlmsg_get_payload)> nlmsg_get_payload{file, "mnl_nlmsg_get_payload"};
  LibraryFunction<decltype(::mnl_nlmsg_next)> nlmsg_next{file, "mnl_nlmsg_next"};
  LibraryFunction<decltype(::mnl_nlmsg_ok)> nlmsg_ok{file, "mnl_nlmsg_ok"};
  LibraryFunction<decltype(::mnl_nlmsg_put_extra_header)> nlmsg_put_extra_header{
      file, "mnl_nlmsg_put_extra_header"};
  LibraryFunction<decltype(::mnl_nlmsg_put_header)> nlmsg_put_header{file, "mnl_nlmsg_put_header"};
  LibraryFunction<decltype(::mnl_cb_run)> cb_run{file, "mnl_cb_run"};
  LibraryFunction<decltype(::mnl_attr_get_payload)> attr_get_payload{file, "mnl_attr_get_payload"};
  LibraryFunction<decltype(::mnl_attr_get_payload_len)> attr_get_payload_len{file,
                                                                             "mnl_attr_get_payload_len"};
  LibraryFunction<decltype(::mnl_attr_get_str)> attr_get_str{file, "mnl_attr_get_str"};
  LibraryFunction<decltype(::mnl_attr_get_type)> attr_get_type{file, "mnl_attr_get_type"};
  LibraryFunction<decltype(::mnl_attr_get_u16)> attr_get_u16{file, "mnl_attr_get_u16"};
  LibraryFunction<decltype(::mnl_attr_get_u32)> attr_get_u32{file, "mnl_attr_get_u32"};
  LibraryFunction<decltype(::mnl_attr_get_u64)> attr_get_u64{file, "mnl_attr_get_u64"};
  LibraryFunction<decltype(::mnl_attr_get_u8)> attr_get_u8{file, "mnl_attr_get_u8"};
  LibraryFunction<decltype(::mnl_attr_parse)> attr_parse{file, "mnl_attr_parse"};
  LibraryFunction<decltype(::mnl_attr_parse_nested)> attr_parse_nested{file, "mnl_attr_parse_nested"};
  LibraryFunction<decltype(::mnl_attr_put)> attr_put{file, "mnl_attr_put"};
  LibraryFunction<decltype(::mnl_attr_put_strz)> attr_put_strz{file, "mnl_attr_put_strz"};
  LibraryFunction<decltype(::mnl_attr_put_u32)> attr_put_u32{file, "mnl_attr_put_u32"};
  LibraryFunction<decltype(::mnl_attr_validate)> attr_validate{file, "mnl_attr_validate"};
};

// Throws SystemError where the library is not installed.
const Libmnl& libmnl();

}  // namespace knockwork
