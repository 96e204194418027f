#include "procfs/fdinfo.h"

#include "base/text.h"
#include "procfs/scan.h"

namespace cg::procfs {
namespace {

// "1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF"
FileLock parse_lock(std::string_view line) {
  FileLock lock;
  take_word(line);
  lock.kind = take_word(line);
  if (lock.kind == "->") lock.kind = take_word(line);  // one that waits
  take_word(line);
  lock.write = take_word(line) == "WRITE";
  lock.pid = to_number<int>(take_word(line)).value_or(0);
  return lock;
}

// "7e9e" -> two bytes; "" when it is none.
std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (; hex.size() >= 2; hex.remove_prefix(2)) {
    const auto byte = to_number<unsigned>(hex.substr(0, 2), 16);
    if (!byte) return "";
    bytes += static_cast<char>(*byte);
  }
  return bytes;
}

// "inotify wd:3 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1
// f_handle:7e9e"
InotifyWatch parse_watch(std::string_view line) {
  InotifyWatch watch;
  for (;;) {
    const std::string_view word = take_word(line);
    if (word.empty()) return watch;
    if (word.starts_with("ino:")) watch.inode = to_number<std::uint64_t>(word.substr(4), 16).value_or(0);
    if (word.starts_with("sdev:")) watch.device = to_number<std::uint32_t>(word.substr(5), 16).value_or(0);
    if (word.starts_with("fhandle-type:"))
      watch.handle_type = to_number<int>(word.substr(13), 16).value_or(0);
    if (word.starts_with("f_handle:")) {
      watch.handle = bytes_of(word.substr(9));
      watch.has_handle = !watch.handle.empty();
    }
  }
}

}  // namespace

Result<FdInfo> parse_fdinfo(std::string_view text, const std::string& name) {
  FdInfo info;
  bool has_flags = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with("inotify ") || (line.starts_with("fanotify ") && line.contains(" ino:"))) {
      info.watches.push_back(parse_watch(line));
      continue;
    }
    if (line.starts_with("fanotify mnt_id:")) {
      info.fanotify_mount_mark = true;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (key == "flags") {
      const auto flags = to_number<std::uint32_t>(value, 8);
      has_flags = flags.has_value();
      info.flags = flags.value_or(0);
    } else if (key == "mnt_id") {
      info.mount = to_number<int>(value).value_or(-1);
    } else if (key == "lock") {
      info.locks.push_back(parse_lock(value));
    } else if (key == "tty-index") {
      info.tty_index = to_number<int>(value).value_or(-1);
    } else if (key == "Pid") {
      info.pidfd_target = to_number<int>(value).value_or(0);
    }
  }
  if (!has_flags) return refused(name + ": there is no line 'flags:' in it");
  return info;
}

}  // namespace cg::procfs
