// /proc/PID/mountinfo, as proc_pid_mountinfo(5) describes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::procfs {

struct Mount {
  int id = 0;
  int parent = 0;
  unsigned major = 0;
  unsigned minor = 0;
  std::string root;        // of this mount inside its file system
  std::string mountpoint;  // relative to the process's root
  std::string options;     // of the mount
  int shared = 0;          // peer group; 0: none
  int master = 0;          // the peer group it receives from; 0: none
  int propagate_from = 0;
  bool unbindable = false;
  std::string type;  // with its subtype: "fuse.sshfs"
  std::string source;
  std::string super_options;

  bool same_device(const Mount& other) const { return major == other.major && minor == other.minor; }
};

// Octal escapes (\040) are decoded. Refused, with the line's number, when a line is not a mountinfo line.
Result<std::vector<Mount>> parse_mountinfo(std::string_view text, const std::string& name = "mountinfo");

// Whether `path` is `directory` or below it; both absolute or both relative, without a final slash but for
// "/".
bool is_path_below(std::string_view path, std::string_view directory);

}  // namespace cg::procfs
