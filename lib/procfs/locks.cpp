#include "procfs/locks.h"

#include <fmt/format.h>

#include <optional>

#include "procfs/scan.h"

namespace cg::procfs {
namespace {

// "08:01:1234": the device in hexadecimal, the inode in decimal.
std::optional<LockedInode> parse_inode(std::string_view text) {
  const auto major = to_number<unsigned>(take_word(text, ':'), 16);
  const auto minor = to_number<unsigned>(take_word(text, ':'), 16);
  const auto inode = to_number<std::uint64_t>(text.substr(text.empty() ? 0 : 1));
  if (!major || !minor || !inode) return std::nullopt;
  return LockedInode{*major, *minor, *inode};
}

}  // namespace

// "1: POSIX  ADVISORY  WRITE 812 08:01:1234 0 EOF"; "1: -> …" waits for it; a lock whose inode is gone has
// "<none>:0" in that place.
Result<std::vector<Lock>> parse_locks(std::string_view text, const std::string& name) {
  std::vector<Lock> result;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty()) continue;
    std::string_view rest = line;
    take_word(rest);
    std::string_view word = take_word(rest);
    if (word == "->") word = take_word(rest);
    Lock lock{.kind = std::string(word), .write = false, .inode = {}};
    take_word(rest);  // whether it is advisory
    lock.write = take_word(rest) == "WRITE";
    take_word(rest);  // the process
    word = take_word(rest);
    if (const auto inode = parse_inode(word)) {
      lock.inode = *inode;
      result.push_back(std::move(lock));
    } else if (word != "<none>:0") {
      return refused(fmt::format("{}:{}: not a line of locks: '{}'", name, number, line.substr(0, 120)));
    }
  }
  return result;
}

}  // namespace cg::procfs
