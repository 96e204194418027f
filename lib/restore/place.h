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
};
// A directory of the host.
Result<std::unique_ptr<Files>> files_of_directory(const std::string& root);
// A root image, unmounted.
Result<std::unique_ptr<Files>> files_of_image(const std::string& image);

// How a bind(2) of the socket would end.
enum class Binding { works, in_use, no_address, unknown };

struct Place {
  const Files* files = nullptr;  // as the tasks will see them from "/"; nullptr: not known
  const Files* host = nullptr;   // as criu sees them; nullptr: the place is not here
  // The rest is empty where the place is not here.
  std::function<bool(int pid)> is_taken;
  std::function<Binding(const checkpoint::InternetSocket&)> bind;
  std::string architecture;                        // "": not known
  std::optional<checkpoint::Processor> processor;  // that --cpu names
};

// Those of this machine.
bool is_pid_taken(int pid);
Binding try_to_bind(const checkpoint::InternetSocket& socket);

}  // namespace cg::restore
