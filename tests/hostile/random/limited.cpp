#include "limited.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace cg::random_input {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool has_shadow = true;  // which takes terabytes of addresses
#else
constexpr bool has_shadow = false;
#endif

std::string why_not(const std::vector<std::string>& argv, const ProcessResult& result) {
  if (result.timed_out) return "hangs";
  if (result.status == 128 + 24 || result.status == 128 + 9) return "takes more than its time";
  if (result.status >= 128) return fmt::format("ended by signal {}", result.status - 128);
  if (result.status != 0 && result.status != 1 && result.status != 3)
    return fmt::format("status {}", result.status);
  const auto lines = split_lines(result.err);
  if (result.status != 0 && result.err.empty() && result.out.empty()) return "fails without a word";
  const std::string tool = argv.front().substr(argv.front().rfind('/') + 1) + ": ";
  for (const auto& line : lines) {
    const bool is_ours = line.starts_with(tool) || line.starts_with('{') || line.starts_with(' ') ||
                         line.starts_with('/');  // of the error, its document, what follows, and of a file
    if (!is_ours) return fmt::format("says in a voice of its own: {}", line);
    for (const char* word : {"internal error", "bad_alloc", "terminate called", "runtime error"})
      if (line.contains(word)) return std::string(line);
  }
  if (result.status == 3 && result.out.empty() && !result.err.contains(tool) && !result.err.starts_with('{'))
    return "could not, and does not say why";
  if (lines.size() > 8) return fmt::format("says {} lines", lines.size());
  if (std::ranges::any_of(result.err, [](unsigned char c) { return c < ' ' && c != '\n'; }))
    return "says control characters";
  return {};
}

}  // namespace

Ended run_limited(const std::vector<std::string>& argv) {
  std::vector<std::string> words = {"prlimit", fmt::format("--cpu={}:{}", most_seconds, most_seconds + 2),
                                    "--core=0", "--fsize=1073741824"};
  if (!has_shadow) words.push_back(fmt::format("--as={}", most_megabytes << 20));
  words.emplace_back("--");
  words.insert(words.end(), argv.begin(), argv.end());
  // Other tests run beside this one: the clock on the wall may go some times as fast as the program's.
  auto result = run(words, {.timeout = std::chrono::seconds(12 * most_seconds)});
  if (!result) return {{}, result.error().message};
  Ended ended{std::move(*result), {}};
  ended.why_not = why_not(argv, ended.result);
  return ended;
}

}  // namespace cg::random_input
