// A netlink socket in the network namespace of another task.
#pragma once

#include <functional>
#include <string_view>

#include "base/file.h"
#include "procfs/directory.h"

namespace cg::tree {

// `protocol`: NETLINK_*. None where the namespace may not be entered, or where the kernel does not have it.
UniqueFd netlink_socket_in(const procfs::Directory& task, int protocol);

// Sends a request for a dump, and hands over each message of the answer: its type, and what follows the
// header. Returns whether it came to its end.
bool ask_netlink(const UniqueFd& socket, std::string_view request,
                 const std::function<void(int type, std::string_view message)>& each);

// The attributes behind a message's fixed part.
void each_attribute(std::string_view attributes,
                    const std::function<void(int type, std::string_view value)>& each);

}  // namespace cg::tree
