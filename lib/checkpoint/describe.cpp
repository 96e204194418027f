#include "checkpoint/describe.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/text.h"

namespace cg::checkpoint {
namespace {

std::string protocol_name(const InternetSocket& socket) {
  const char* six = socket.family == AF_INET6 ? "6" : "";
  switch (socket.protocol) {
    case IPPROTO_TCP:
      return fmt::format("tcp{}", six);
    case IPPROTO_UDP:
      return fmt::format("udp{}", six);
    case IPPROTO_UDPLITE:
      return fmt::format("udplite{}", six);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return fmt::format("icmp{}", six);
    default:
      return fmt::format("{}{} {}", socket.type == SOCK_RAW ? "raw" : "protocol", six, socket.protocol);
  }
}

std::string place_of(const InternetSocket& socket, const std::string& address, std::uint32_t port) {
  return socket.family == AF_INET6 ? fmt::format("[{}]:{}", address, port)
                                   : fmt::format("{}:{}", address, port);
}

}  // namespace

std::string shown(std::string_view name) {
  std::string text;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = utf8_length(name.substr(at));
    const auto byte = static_cast<unsigned char>(name[at]);
    // C1 controls are two bytes in UTF-8, and terminals obey them as well.
    const bool control = byte < 0x20 || byte == 0x7f || length == 0 ||
                         (length == 2 && byte == 0xc2 && static_cast<unsigned char>(name[at + 1]) < 0xa0);
    const std::size_t step = length == 0 ? 1 : length;
    if (control)
      for (std::size_t i = 0; i < step; ++i)
        text += fmt::format("\\x{:02x}", static_cast<unsigned char>(name[at + i]));
    else
      text += name.substr(at, step);
    at += step;
  }
  return text;
}

std::string describe(const InternetSocket& socket) {
  std::string text = protocol_name(socket);
  if (socket.port != 0 || socket.peer_port != 0) text += " " + place_of(socket, socket.address, socket.port);
  if (socket.peer_port != 0) text += " to " + place_of(socket, socket.peer_address, socket.peer_port);
  if (socket.state == 10 && socket.protocol == IPPROTO_TCP) text += " listening";
  if (!socket.device.empty()) text += " on " + shown(socket.device);
  return text;
}

std::string describe(const UnixSocket& socket) {
  const char* type = socket.type == SOCK_STREAM      ? "stream"
                     : socket.type == SOCK_DGRAM     ? "dgram"
                     : socket.type == SOCK_SEQPACKET ? "seqpacket"
                                                     : "unix";
  std::string text = type;
  if (!socket.name.empty())
    text += socket.name.front() == '\0' ? " @" + shown(socket.name.substr(1)) : " " + shown(socket.name);
  if (socket.state == 10) text += " listening";
  if (socket.external) text += " external";
  return text;
}

std::string describe(const Checkpoint& checkpoint, const OpenFile& file) {
  if (file.regular) return shown(file.regular->path);
  if (file.internet) return describe(*file.internet);
  if (file.local) return describe(*file.local);
  if (file.kind == FileKind::pipe) return fmt::format("pipe:[{}]", file.object);
  if (file.kind == FileKind::terminal) {
    const auto terminal = checkpoint.terminals.find(file.object);
    if (terminal != checkpoint.terminals.end() && terminal->second.index)
      return fmt::format("terminal, index {}", *terminal->second.index);
  }
  return std::string(kind_name(file.kind));
}

std::string state_name(const Task& task) {
  switch (task.state) {
    case 1:
      return "";
    case 2:
      return "dead";
    case 3:
      return "stopped";
    case 6:
      return "zombie";
    default:
      return fmt::format("state {}", task.state);
  }
}

std::string holder_of(const Checkpoint& checkpoint, std::uint32_t file) {
  for (const auto& task : checkpoint.tasks) {
    const std::string who = fmt::format("process {} ({})", task.pid, shown(task.name));
    for (const auto& descriptor : task.descriptors)
      if (descriptor.file == file) return fmt::format("fd {} of {}", descriptor.number, who);
    if (task.program == file) return "the program of " + who;
    if (task.directory == file) return "the working directory of " + who;
    if (task.root == file) return "the root of " + who;
    for (const auto& mapping : task.mappings)
      if (mapping.is_file() && mapping.object == file) return "mapped by " + who;
  }
  return "of no process";
}

}  // namespace cg::checkpoint
