// Files of /proc: the first byte picks the parser. A name in them is anything a user can call a file, so that
// every one of them has to hold for any bytes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/require.h"
#include "procfs/cgroup.h"
#include "procfs/fdinfo.h"
#include "procfs/locks.h"
#include "procfs/maps.h"
#include "procfs/mountinfo.h"
#include "procfs/net.h"
#include "procfs/status.h"

namespace cg::procfs {
namespace {

template <class T>
void check(const Result<T>& result) {
  if (!result) fuzz::require(!result.error().message.empty(), "an error without a message");
}

void parse(unsigned which, std::string_view text) {
  switch (which % 10) {
    case 0: {
      const auto mounts = parse_mountinfo(text);
      check(mounts);
      if (!mounts || mounts->empty()) return;
      const CgroupEntry entry{0, {}, mounts->back().root};
      const std::string directory = cgroup_directory(entry, *mounts);
      fuzz::require(is_path_below(mounts->back().mountpoint, mounts->back().mountpoint),
                    "a path is below itself");
      fuzz::require(directory.size() < text.size() + 4096, "a directory out of nothing");
      return;
    }
    case 1:
      return check(parse_status(text));
    case 2:
      return check(parse_stat(text));
    case 3:
      return check(parse_fdinfo(text));
    case 4:
      return check(parse_cgroup(text));
    case 5:
      return check(parse_named_maps(text));
    case 6:
      return check(parse_inet_table(text, Socket{}, "tcp"));
    case 7:
      return check(parse_unix_table(text, "unix"));
    case 8:
      return check(parse_inode_table(text, Socket{}, 6, "packet"));
    case 9:
      return check(parse_locks(text));
  }
}

}  // namespace
}  // namespace cg::procfs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) cg::procfs::parse(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
