#include "procfs/net.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include "base/text.h"
#include "procfs/scan.h"

namespace cg::procfs {
namespace {

std::unexpected<Error> not_a_line(const std::string& name, std::size_t number, std::string_view line) {
  return refused(fmt::format("{}:{}: not a line of a socket table: '{}'", name, number, line.substr(0, 120)));
}

// The first line of each table is a head.
template <class Each>
Result<std::vector<Socket>> parse_table(std::string_view text, const std::string& name, Each each) {
  std::vector<Socket> sockets;
  take_line(text);
  for (std::size_t number = 2; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (trim(line).empty()) continue;
    Socket socket;
    if (!each(line, socket)) return not_a_line(name, number, line);
    if (socket.inode != 0) sockets.push_back(std::move(socket));
  }
  return sockets;
}

}  // namespace

// "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 24011 1 …": slot, local,
// remote, state, queues, timer, retransmits, uid, timeout, inode.
Result<std::vector<Socket>> parse_inet_table(std::string_view text, const Socket& table,
                                             const std::string& name) {
  return parse_table(text, name, [&](std::string_view line, Socket& socket) {
    socket = table;
    for (int skipped = 0; skipped < 3; ++skipped) take_word(line);
    const auto state = to_number<int>(take_word(line), 16);
    std::string_view queues = take_word(line);
    const auto send = to_number<std::uint64_t>(take_word(queues, ':'), 16);
    const auto receive = to_number<std::uint64_t>(take_word(queues, ':'), 16);
    for (int skipped = 0; skipped < 4; ++skipped) take_word(line);
    const auto inode = to_number<std::uint64_t>(take_word(line));
    if (!state || !send || !receive || !inode) return false;
    socket.state = *state;
    socket.send_queue = *send;
    socket.receive_queue = *receive;
    socket.inode = *inode;
    return true;
  });
}

// "ffff8880: 00000002 00000000 00010000 0001 01 16893 /run/x": address, references, protocol, flags, type,
// state, inode, name. Flag 0x10000 is a listening one; the states are those of struct socket, 3 is connected.
Result<std::vector<Socket>> parse_unix_table(std::string_view text, const std::string& name) {
  return parse_table(text, name, [&](std::string_view line, Socket& socket) {
    for (int skipped = 0; skipped < 3; ++skipped) take_word(line);
    const auto flags = to_number<std::uint32_t>(take_word(line), 16);
    const auto type = to_number<int>(take_word(line), 16);
    const auto state = to_number<int>(take_word(line), 16);
    const auto inode = to_number<std::uint64_t>(take_word(line));
    if (!flags || !type || !state || !inode) return false;
    while (line.starts_with(' ')) line.remove_prefix(1);
    socket.family = AF_UNIX;
    socket.type = *type;
    socket.state = (*flags & 0x10000) ? 10 : *state == 3 ? 1 : 7;
    socket.inode = *inode;
    socket.name = line;
    return true;
  });
}

Result<std::vector<Socket>> parse_inode_table(std::string_view text, const Socket& table, int queue,
                                              const std::string& name) {
  return parse_table(text, name, [&](std::string_view line, Socket& socket) {
    std::string_view last;
    std::string_view waiting = "0";
    int column = 0;
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      if (column++ == queue) waiting = word;
      last = word;
    }
    const auto inode = to_number<std::uint64_t>(last);
    const auto bytes = to_number<std::uint64_t>(waiting);
    if (!inode || !bytes) return false;
    socket = table;
    socket.inode = *inode;
    socket.receive_queue = *bytes;
    return true;
  });
}

}  // namespace cg::procfs
