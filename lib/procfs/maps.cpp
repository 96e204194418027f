#include "procfs/maps.h"

#include <fmt/format.h>

#include "procfs/scan.h"

namespace cg::procfs {
namespace {

// "7f1c-7f1d rw-s 00000000 00:01 1024     /path with blanks (deleted)"
bool parse_line(std::string_view line, Mapping& mapping, bool& named) {
  std::string_view range = take_word(line);
  const auto start = to_number<std::uint64_t>(take_word(range, '-'), 16);
  const auto end = to_number<std::uint64_t>(take_word(range, '-'), 16);
  const std::string_view access = take_word(line);
  take_word(line);
  std::string_view device = take_word(line);
  const auto major = to_number<unsigned>(take_word(device, ':'), 16);
  const auto minor = to_number<unsigned>(take_word(device, ':'), 16);
  const auto inode = to_number<std::uint64_t>(take_word(line));
  if (!start || !end || access.size() != 4 || !major || !minor || !inode) return false;
  while (line.starts_with(' ')) line.remove_prefix(1);
  named = !line.empty();
  mapping = {*start, *end, access[3] == 's', access[1] == 'w', *major, *minor, *inode, std::string(line)};
  return true;
}

}  // namespace

Result<std::vector<Mapping>> parse_named_maps(std::string_view text, const std::string& name) {
  std::vector<Mapping> mappings;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty()) continue;
    Mapping mapping;
    bool named = false;
    if (!parse_line(line, mapping, named))
      return refused(
          fmt::format("{}:{}: not a line of a maps file: '{}'", name, number, line.substr(0, 120)));
    if (named) mappings.push_back(std::move(mapping));
  }
  return mappings;
}

}  // namespace cg::procfs
