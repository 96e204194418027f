// files.img, and what belongs to its files: terminals, files without a name.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/limits.h"
#include "checkpoint/loader.h"
#include "images.pb.h"

namespace cg::checkpoint {
namespace {

constexpr std::uint32_t external_socket = 1;  // of a unix socket's flags

// The words of an address, as they stand in memory.
template <class Words>
std::string address_text(int family, const Words& words) {
  std::array<std::uint32_t, 4> bytes{};
  for (int i = 0; i < words.size() && i < 4; ++i) bytes[static_cast<std::size_t>(i)] = words.Get(i);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(family == AF_INET6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size()) == nullptr)
    return "?";
  return text.data();
}

RegularFile regular_of(const wire::RegularFile& from) {
  RegularFile file;
  file.path = from.name();
  if (from.has_mount()) file.mount = from.mount();
  file.flags = from.flags();
  if (from.has_size()) file.size = from.size();
  if (from.has_mode()) file.mode = from.mode();
  file.external = from.external();
  for (const std::uint32_t word : from.build_id()) {
    std::array<unsigned char, 4> bytes{};
    std::memcpy(bytes.data(), &word, 4);
    for (const unsigned char byte : bytes) file.build_id += fmt::format("{:02x}", byte);
  }
  file.build_id_words = static_cast<std::uint32_t>(from.build_id_size());
  return file;
}

InternetSocket socket_of(const wire::InternetSocket& from) {
  InternetSocket socket;
  socket.inode = from.inode();
  socket.family = static_cast<int>(from.family());
  socket.type = static_cast<int>(from.type());
  socket.protocol = static_cast<int>(from.protocol());
  socket.state = static_cast<int>(from.state());
  socket.port = from.port();
  socket.peer_port = from.peer_port();
  socket.address = address_text(socket.family, from.address());
  socket.peer_address = address_text(socket.family, from.peer_address());
  socket.reuse_port = from.options().reuse_port();
  socket.free_bind = from.internet_options().free_bind();
  socket.only_v6 = from.only_v6();
  socket.device = !from.device().empty() ? from.device() : from.options().device();
  while (!socket.device.empty() && socket.device.back() == '\0') socket.device.pop_back();
  socket.network = from.namespace_();
  return socket;
}

UnixSocket socket_of(const wire::UnixSocket& from) {
  UnixSocket socket;
  socket.inode = from.inode();
  socket.peer = from.peer();
  socket.type = static_cast<int>(from.type());
  socket.state = static_cast<int>(from.state());
  socket.external = (from.flags() & external_socket) != 0;
  socket.name = from.name();
  // A path ends with a NUL there, an abstract name begins with one.
  if (!socket.name.empty() && socket.name.front() != '\0' && socket.name.back() == '\0')
    socket.name.pop_back();
  socket.directory = from.directory();
  socket.deleted = from.deleted();
  if (from.has_mount()) socket.mount = from.mount();
  return socket;
}

OpenFile file_of(const wire::File& from) {
  OpenFile file;
  file.kind = static_cast<FileKind>(from.kind());
  file.id = from.id();
  if (from.has_regular()) file.regular = regular_of(from.regular());
  if (from.has_internet()) file.internet = socket_of(from.internet());
  if (from.has_local()) file.local = socket_of(from.local());
  if (from.has_pipe()) {
    file.object = from.pipe().object();
    file.flags = from.pipe().flags();
  } else if (from.has_fifo()) {
    file.object = from.fifo().object();
    file.name = from.fifo().flags();  // in that place of a fifo's record
  } else if (from.has_terminal()) {
    file.object = from.terminal().terminal();
    file.name = from.terminal().path();
  } else if (from.has_memory()) {
    file.object = from.memory().inode();
  } else if (from.has_namespace_()) {
    file.object = from.namespace_().namespace_();
  }
  return file;
}

}  // namespace

void Loader::load_files() {
  read("files.img", Magic::files, Need::required, [&](Records& records) -> Result<void> {
    while (!records.at_end()) {
      const std::size_t at = records.offset();
      CG_TRY(entry, records.next_as<wire::File>());
      if (out_.files.size() >= limits::entries)
        return records.bad(at, fmt::format("more than {} files", limits::entries));
      if (entry.has_regular() && entry.regular().name().size() > limits::program_path_bytes)
        return records.bad(at, fmt::format("a path of {} bytes; the most is {}",
                                           entry.regular().name().size(), limits::program_path_bytes));
      out_.files.emplace(entry.id(), file_of(entry));
    }
    return {};
  });
  read("remap-fpath.img", Magic::remaps, Need::optional, [&](Records& records) -> Result<void> {
    while (!records.at_end()) {
      CG_TRY(entry, records.next_as<wire::Remap>());
      // Before there were kinds, the highest bit said that it is a ghost.
      constexpr std::uint32_t old_ghost = 1U << 31;
      const auto kind = entry.has_kind()            ? static_cast<Remap::Kind>(entry.kind())
                        : entry.other() & old_ghost ? Remap::Kind::ghost
                                                    : Remap::Kind::linked;
      out_.remaps.push_back({entry.file(), entry.other() & ~old_ghost, kind});
    }
    return {};
  });
  for (const auto& remap : out_.remaps) {
    if (remap.kind != Remap::Kind::ghost || out_.ghosts.contains(remap.other)) continue;
    const std::string file = fmt::format("ghost-file-{:x}.img", remap.other);
    if (const auto ghost = read_one<wire::Ghost>(file, Magic::ghost, Need::required))
      out_.ghosts[remap.other] = {ghost->mode(),
                                  ghost->has_size() ? ghost->size() : store_.sizes().find(file)->second};
  }
  read("tty-info.img", Magic::terminals, Need::optional, [&](Records& records) -> Result<void> {
    while (!records.at_end()) {
      CG_TRY(entry, records.next_as<wire::Terminal>());
      Terminal terminal{entry.id(), entry.kind(), entry.session(), entry.device(), {}};
      if (entry.has_pseudo()) terminal.index = entry.pseudo().index();
      out_.terminals.emplace(entry.id(), terminal);
    }
    return {};
  });
}

}  // namespace cg::checkpoint
