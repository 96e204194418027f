// Where a checkpoint shall come back: this machine as it runs, or a root file system that nobody has booted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "checkpoint/checkpoint.h"

namespace cg::restore {

// A file of a place. `mode` has the type, as stat(2).
struct Seen {
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
};

// Of a file system.
struct Room {
  std::uint64_t file_system = 0;  // its number
  std::uint64_t bytes = 0;        // that root may still write
};

// The files below a root; links are followed inside of it.
class Files {
 public:
  virtual ~Files() = default;
  // nullopt: there is nothing of that name.
  virtual Result<std::optional<Seen>> look(const std::string& path) const = 0;
  // The build-id in hexadecimal; "": it has none.
  virtual Result<std::string> build_id(const std::string& path) const = 0;
  // Whether writing there ends in EROFS; never of an image, which is not mounted yet.
  virtual bool is_read_only(const std::string& path) const = 0;
  // What is free where that directory lies; nullopt: not known, as of an image.
  virtual std::optional<Room> room(const std::string& directory) const = 0;
  // Whether somebody holds a lock of that kind that does not go with this one. Nobody does in an image.
  virtual bool is_locked(const std::string& path, const checkpoint::FileLock& lock) const = 0;
};
// A directory of the host.
Result<std::unique_ptr<Files>> files_of_directory(const std::string& root);
// A root image, unmounted.
Result<std::unique_ptr<Files>> files_of_image(const std::string& image);

// Programs that give rules of the packet filter back: iptables-restore itself, and one of the older kernel
// interface, which a criu with libnftables asks for (iptables-legacy-restore, or iptables-restore where that
// is one).
struct RulePrograms {
  bool any = false;
  bool legacy = false;
};

// How a bind(2) of the socket would end.
enum class Binding { works, in_use, no_address, unknown };

struct Place {
  const Files* files = nullptr;  // as the tasks will see them from "/"; nullptr: not known
  const Files* host = nullptr;   // as criu sees them; nullptr: the place is not here
  // The rest is empty where the place is not here.
  std::function<bool(int pid)> is_taken;
  std::function<Binding(const checkpoint::InternetSocket&)> bind;
  // Of a UNIX socket with an abstract name.
  std::function<Binding(const checkpoint::UnixSocket&)> bind_abstract;
  // Whether the handle of a watched file opens on a mount of its device; nullopt: not to be found out.
  std::function<std::optional<bool>(const checkpoint::Watch&)> opens;
  // A number below /proc/sys, "kernel/pid_max"; nullopt: it is not there.
  std::function<std::optional<std::uint64_t>(const std::string& name)> setting;
  // Of "iptables" or "ip6tables".
  std::function<RulePrograms(const std::string& name)> rule_programs;
  std::optional<bool> has_libnftables;  // the criu that will restore; nullopt: its program was not read
  std::optional<std::uint32_t> security_module;    // as CRIU numbers it: 0 none, 1 SELinux, 2 AppArmor
  std::string architecture;                        // "": not known
  std::optional<checkpoint::Processor> processor;  // that --cpu names
};

// This machine, as it runs: `host` are its files. Without files of the tasks and a processor.
Place this_place(const Files& host);

}  // namespace cg::restore
