// Addresses, ports and connections.
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "checkpoint/describe.h"
#include "restore/checks/checks.h"

namespace cg::restore {
namespace {

using namespace checkpoint;

// A socket is made in the namespace that criu itself is in.
bool is_in_our_network(const View& view, const InternetSocket& socket) {
  const Checkpoint& images = view.checkpoint;
  if (images.of_criu.net == 0 || view.options.joined.contains("net")) return false;
  return socket.network != 0 ? socket.network == images.of_criu.net : !images.own(&Objects::net);
}

void check_internet(const View& view, const OpenFile& file, const InternetSocket& socket, Findings& found) {
  const std::string seen = fmt::format("{}, {}", describe(socket), holder_of(view.checkpoint, file.id));
  const bool closed = view.options.tcp_close || view.checkpoint.inventory.tcp_close;
  if (socket.connected() && !view.options.tcp_established && !closed) found.add({"tcp-established"}, seen);
  if (!view.place.bind || socket.port == 0 || !is_in_our_network(view, socket)) return;
  if (socket.connected() && closed) return;
  switch (view.place.bind(socket)) {
    case Binding::in_use:
      found.add({"port-taken"}, seen, {{"id", std::to_string(file.id)}});
      break;
    case Binding::no_address:
      found.add({"address-gone"}, seen, {{"id", std::to_string(file.id)}, {"address", socket.address}});
      break;
    default:
      break;
  }
}

// CRIU gives its name to what listens and to datagrams; who accepted a connection has that of the listener.
bool gets_its_name(const UnixSocket& socket) {
  constexpr int established = 1;
  return !socket.external && !socket.deleted && (socket.type == SOCK_DGRAM || socket.state != established);
}

void check_unix(const View& view, const OpenFile& file, const UnixSocket& socket, Findings& found) {
  if (socket.external && !view.options.unix_sockets)
    found.add({"external-unix"}, describe(socket),
              {{"name", socket.name.empty() ? "its name" : shown(socket.name)}});
  const bool abstract = !socket.name.empty() && socket.name.front() == '\0';
  if (abstract && gets_its_name(socket) && view.place.bind_abstract && !view.checkpoint.own(&Objects::net) &&
      !view.options.joined.contains("net") && view.place.bind_abstract(socket) == Binding::in_use)
    found.add({"port-taken", "abstract"},
              fmt::format("{}, {}", describe(socket), holder_of(view.checkpoint, file.id)),
              {{"id", fmt::format("{:#x}", file.id)}, {"inode", std::to_string(socket.inode)}});
  if (socket.external || socket.deleted || !socket.name.starts_with('/') || !view.place.files) return;
  const Location place = locate(view, view.checkpoint.own(&Objects::mount) ? socket.mount : -1, socket.name);
  if (place.kind != Location::Kind::root) return;
  const std::string directory = place.path.substr(0, std::max<std::size_t>(place.path.rfind('/'), 1));
  const auto there = view.place.files->look(directory);
  if (there && !*there)
    found.add({"directory-missing"},
              fmt::format("{}, {}", describe(socket), holder_of(view.checkpoint, file.id)),
              {{"id", fmt::format("{:#x}", file.id)},
               {"inode", std::to_string(socket.inode)},
               {"path", shown(socket.name)}});
  if (there && *there && gets_its_name(socket) && view.place.files->is_read_only(directory))
    found.add({"socket-read-only"},
              fmt::format("{}, {}", describe(socket), holder_of(view.checkpoint, file.id)),
              {{"id", fmt::format("{:#x}", file.id)},
               {"inode", std::to_string(socket.inode)},
               {"path", shown(socket.name)}});
}

}  // namespace

void check_sockets(const View& view, Findings& found) {
  for (const auto& [id, file] : view.checkpoint.files) {
    if (file.internet) check_internet(view, file, *file.internet, found);
    if (file.local) check_unix(view, file, *file.local, found);
  }
}

}  // namespace cg::restore
