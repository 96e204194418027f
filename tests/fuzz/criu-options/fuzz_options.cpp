// Option tables that a user gives with --options: refused with a message, or good for judging a command.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "criu/command.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto table = cg::parse_option_table({reinterpret_cast<const char*>(data), size}, "table");
  if (!table) {
    cg::fuzz::require(!table.error().message.empty(), "an error without a message");
    return 0;
  }
  const cg::Version version{{4, 2, 0}};
  cg::judge_criu_command(
      *table, version,
      cg::parse_criu_command(*table, version, {"criu", "dump", "-t", "1", "--tree=0", "-v4"}));
  return 0;
}
