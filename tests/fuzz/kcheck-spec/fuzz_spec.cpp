// The OCI runtime spec that `kcheck tree --spec` takes: any JSON, of a bundle that anybody made. What comes
// of it are pairs of an option and a mount that the tree really has.
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/require.h"
#include "tasks/plan.h"

namespace {

using namespace cg;

tree::Snapshot container() {
  tree::Snapshot made;
  made.tasks.emplace_back();
  made.tasks.front().namespaces.inode.fill(1);
  made.own_namespaces.inode.fill(2);
  auto& mounts = made.mounts.emplace_back(1, std::vector<procfs::Mount>()).second;
  for (const char* const place : {"/", "/etc/hosts", "/dev/shm", "/a b\n"})
    mounts.emplace_back().mountpoint = place;
  return made;
}

void check(const std::vector<std::string>& options) {
  fuzz::require(options.size() % 2 == 0, "an option without a value");
  for (std::size_t at = 0; at < options.size(); at += 2) {
    fuzz::require(options[at] == "--external", "another option");
    bool known = false;
    for (const char* const place : {"/", "/etc/hosts", "/dev/shm", "/a b\n"})
      known = known || options[at + 1].starts_with(std::string("mnt[") + place + "]:");
    fuzz::require(known, "a mount that the tree does not have");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const tree::Snapshot snapshot = container();
  const auto options =
      tree::spec_options({reinterpret_cast<const char*>(data), size}, "/bundle/config.json", snapshot);
  if (!options) {
    fuzz::require(!options.error().message.empty(), "an error without a message");
    return 0;
  }
  check(options->dump);
  check(options->restore);
  return 0;
}
