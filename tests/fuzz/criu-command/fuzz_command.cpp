// criu command lines, one word a line: taken apart and judged for the version that the first byte picks.
// Every word is accounted for: it is an option, an option's value, the action, a plain word or a problem.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "criu/command.h"
#include "criu/versions.h"
#include "fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const cg::OptionTable table = cg::builtin_option_table().value();
  if (size == 0) return 0;
  const auto& versions = cg::criu_versions().all;
  const cg::Version version = versions[data[0] % versions.size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto command = cg::parse_criu_command(table, version, cg::split(text, '\n'));
  for (const auto& option : command.options)
    cg::fuzz::require(table.find(option.name) && table.find(option.name)->criu.contains(version),
                      "an option that this version does not have");
  for (const auto& finding : cg::judge_criu_command(table, version, command))
    cg::fuzz::require(!finding.id.empty() && !finding.title.empty() && !finding.fix.empty(),
                      "a finding without words");
  return 0;
}
