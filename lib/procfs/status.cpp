#include "procfs/status.h"

#include <fmt/format.h>

#include "base/text.h"
#include "procfs/scan.h"

namespace cg::procfs {
namespace {

std::vector<int> numbers(std::string_view text) {
  std::vector<int> result;
  for (;;) {
    const std::string_view word = take_word(text);
    if (word.empty()) return result;
    result.push_back(to_number<int>(word).value_or(0));
  }
}

}  // namespace

Result<Status> parse_status(std::string_view text, const std::string& name) {
  Status status;
  bool has_state = false;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (key == "Name") {
      status.name = value;
    } else if (key == "State") {
      has_state = !value.empty();
      if (has_state) status.state = value.front();
    } else if (key == "TracerPid") {
      status.tracer = to_number<int>(value).value_or(0);
    } else if (key == "NSpid") {
      status.pid = numbers(value);
    } else if (key == "NSpgid") {
      status.pgid = numbers(value);
    } else if (key == "NSsid") {
      status.sid = numbers(value);
    } else if (key == "SigPnd" || key == "ShdPnd") {
      status.pending |= to_number<std::uint64_t>(value, 16).value_or(0);
    } else if (key == "Seccomp") {
      status.seccomp = to_number<int>(value).value_or(0);
    } else if (key == "Threads") {
      status.threads = to_number<int>(value).value_or(0);
    } else if (key == "Kthread") {
      status.kernel_thread = value == "1";
    }
  }
  if (!has_state) return refused(name + ": there is no line 'State:' in it");
  return status;
}

Result<Stat> parse_stat(std::string_view text, const std::string& name) {
  // The name in parentheses may itself hold blanks and parentheses: it ends at the last one.
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return refused(name + ": not a stat file: no name in parentheses");
  Stat stat;
  const auto pid = to_number<int>(trim(text.substr(0, open)));
  stat.comm = text.substr(open + 1, close - open - 1);
  std::string_view rest = trim(text.substr(close + 1));
  const std::string_view state = take_word(rest);
  if (!pid || state.size() != 1)
    return refused(fmt::format("{}: not a stat file: '{}'", name, text.substr(0, 80)));
  stat.pid = *pid;
  stat.state = state.front();
  // Fields are numbered as in proc_pid_stat(5); the state is the third.
  for (int field = 4; !rest.empty() && field <= 28; ++field) {
    const std::string_view word = take_word(rest);
    const auto number = to_number<std::int64_t>(word).value_or(0);
    switch (field) {
      case 4:
        stat.parent = static_cast<int>(number);
        break;
      case 5:
        stat.group = static_cast<int>(number);
        break;
      case 6:
        stat.session = static_cast<int>(number);
        break;
      case 7:
        stat.tty = static_cast<int>(number);
        break;
      case 20:
        stat.threads = static_cast<int>(number);
        break;
      case 22:
        stat.start_time = to_number<std::uint64_t>(word).value_or(0);
        break;
      case 28:
        stat.start_stack = to_number<std::uint64_t>(word).value_or(0);
        break;
      default:
        break;
    }
  }
  return stat;
}

}  // namespace cg::procfs
