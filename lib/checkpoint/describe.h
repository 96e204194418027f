// Things of a checkpoint in a few words, as people know them.
#pragma once

#include <string>
#include <string_view>

#include "checkpoint/checkpoint.h"

namespace cg::checkpoint {

// Bytes of a name with those that a terminal would obey, or that end a line, written as \xNN.
std::string shown(std::string_view name);

std::string describe(const InternetSocket& socket);  // "tcp 127.0.0.1:80 listening"
std::string describe(const UnixSocket& socket);      // "stream /run/x.sock listening"
// "/usr/bin/cat", "pipe:[12]", "tcp 127.0.0.1:80 listening", "eventfd"
std::string describe(const Checkpoint& checkpoint, const OpenFile& file);
std::string state_name(const Task& task);  // "", "stopped", "zombie", "dead"

// The descriptors of a tree that hold a file, as "fd 3 of process 7 (cat)".
std::string holder_of(const Checkpoint& checkpoint, std::uint32_t file);

}  // namespace cg::checkpoint
