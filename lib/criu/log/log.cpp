#include "criu/log/log.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace cg {
namespace {

constexpr std::size_t line_limit = 8192;  // CRIU writes at most 1024 bytes; others quote it in longer lines
constexpr std::size_t first_errors = 64, last_errors = 64;
constexpr std::size_t head_lines = 1000, tail_lines = 1000;
constexpr std::size_t kept_text = 600;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr std::string_view error_mark = "Error (", warning_mark = "Warn  (";

// The place in "Error (criu/mount.c:1093): ..." and what follows. False when `line` has no such mark of CRIU.
bool split_at(std::string_view mark, std::string_view line, std::string& where, std::string_view& text) {
  for (std::size_t at = line.find(mark); at != line.npos; at = line.find(mark, at + 1)) {
    const std::string_view rest = line.substr(at + mark.size());
    const auto close = rest.find(')');
    if (close == rest.npos || close > 120) continue;
    const std::string_view place = rest.substr(0, close);
    auto colon = place.rfind(".c:");
    if (colon == place.npos) colon = place.rfind(".h:");
    if (colon == place.npos || colon + 3 == place.size() ||
        !std::ranges::all_of(place.substr(colon + 3), is_digit))
      continue;
    where = std::string(place);
    text = rest.substr(close + 1);
    if (text.starts_with(':')) text.remove_prefix(1);
    text = trim(text);
    // As Python prints it: b'(00.001485) Error …'
    for (const char* front : {"b'(", "b\"("})
      if (line.substr(0, at).contains(front) && text.ends_with(front[1])) text.remove_suffix(1);
    return true;
  }
  return false;
}

// "(criu/tty.c:1010): …": an error from which someone has cut the level. Only errors and warnings have a
// place.
bool is_cut_error(std::string_view line) {
  return line.starts_with("(criu/") || line.starts_with("(compel/");
}

// "(00.012345)" or "(12.345678)": CRIU's time.
bool begins_with_time(std::string_view line) {
  const auto dot = line.find('.');
  const auto close = line.find(')');
  return line.starts_with('(') && dot != line.npos && close == dot + 7 && dot >= 3 &&
         std::ranges::all_of(line.substr(1, dot - 1), is_digit) &&
         std::ranges::all_of(line.substr(dot + 1, 6), is_digit);
}

// "    18: Error …" and "pie: 18: …": the task that says it. Empty: criu itself.
std::string_view task_in_front(std::string_view line) {
  if (begins_with_time(line)) line = trim(line.substr(line.find(')') + 1));
  if (line.starts_with("pie: ")) line = trim(line.substr(5));
  line = trim(line);
  const auto digits = static_cast<std::size_t>(std::ranges::find_if_not(line, is_digit) - line.begin());
  return digits > 0 && digits < line.size() && line[digits] == ':' ? line.substr(0, digits)
                                                                   : std::string_view();
}

// What `line` adds to the error above it: the errno, where CRIU's text ended with a newline of its own
// (": Invalid argument"), or the rest of what the restorer of old versions cut ("…capabil>", "pie: 1:
// ities"). Empty: nothing.
std::string_view rest_of_error(std::string_view error, std::string_view line) {
  if (line.starts_with(": ") && line.size() > 2 && line[2] >= 'A' && line[2] <= 'Z') return line;
  if (!error.ends_with('>') || line.contains(error_mark) || line.contains(warning_mark)) return {};
  const auto pie = line.find("pie: ");
  if (pie == line.npos || pie > 20) return {};
  line.remove_prefix(pie + 5);
  const auto digits = static_cast<std::size_t>(std::ranges::find_if_not(line, is_digit) - line.begin());
  if (digits > 0 && line.substr(digits).starts_with(": ")) line.remove_prefix(digits + 2);
  return line;
}

std::string_view number_after(std::string_view line, std::string_view mark) {
  const auto at = line.find(mark);
  if (at == line.npos) return {};
  const std::string_view rest = line.substr(at + mark.size());
  return rest.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(rest, is_digit) - rest.begin()));
}

CriuLog::End end_told_by(std::string_view line) {
  for (const auto* mark : {"umping finished successfully", "Restore finished successfully",
                           "Lazy pages transfer finished successfully"})  // "Dumping" and "Pre-dumping"
    if (line.contains(mark)) return CriuLog::End::success;
  if (line == "Looks good." || line.starts_with("Looks good but some kernel features are missing"))
    return CriuLog::End::success;
  for (const auto* mark :
       {"umping FAILED", "Restoring FAILED", "Lazy pages transfer FAILED", "Does not look good."})
    if (line.contains(mark)) return CriuLog::End::failure;
  return CriuLog::End::open;
}

std::string_view word_after(std::string_view line, std::string_view mark) {
  const auto at = line.find(mark);
  if (at == line.npos) return {};
  const std::string_view rest = line.substr(at + mark.size());
  return rest.substr(0, std::min(rest.find(' '), std::size_t{40}));
}

}  // namespace

void LogReader::add_to_error(std::string_view rest) {
  const auto add = [&](LogLine& entry) {
    if (entry.text.ends_with('>')) entry.text.pop_back();
    entry.text.append(rest).resize(std::min(entry.text.size(), kept_text));
  };
  add(log_.last_errors.empty() ? log_.errors.back() : log_.last_errors.back());
  add(log_.tail.empty() ? log_.head.back() : log_.tail.back());
}

// Other programs print a whole log as one line: "…failed\\n(00.005268) PID: …".
void LogReader::end_line() {
  ++log_.lines;
  const std::string lines = std::exchange(line_, {});
  std::string_view rest = lines;
  for (auto at = rest.find("n(0"); at != rest.npos; at = rest.find("n(0", at + 1)) {
    if (at == 0 || rest[at - 1] != '\\' || !begins_with_time(rest.substr(at + 1))) continue;
    read_line(rest.substr(0, rest.find_last_not_of('\\', at - 1) + 1));
    rest.remove_prefix(at + 1);
    at = 0;
  }
  read_line(rest);
  line_bytes_ = 0;
}

void LogReader::read_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (behind_error_)
    if (const auto rest = rest_of_error(
            log_.last_errors.empty() ? log_.errors.back().text : log_.last_errors.back().text, line);
        !rest.empty())
      add_to_error(rest);
  behind_error_ = false;
  LogLine entry{log_.lines, {}, {}};
  std::string_view text;
  const bool timed = begins_with_time(line);
  if (const auto task = number_after(line, "Dumping task (pid: "); !task.empty()) task_ = task;
  const std::string_view said_by = task_in_front(line);
  entry.task = said_by.empty() ? task_ : std::string(said_by);
  if (split_at(error_mark, line, entry.where, text) ||
      (is_cut_error(line) && split_at("(", line, entry.where, text))) {
    entry.text = std::string(text.substr(0, kept_text));
    ++log_.criu_lines;
    entry.before = before_;
    ++log_.error_count;
    behind_error_ = true;
    if (log_.errors.size() < first_errors) {
      log_.errors.push_back(entry);
    } else {
      log_.last_errors.push_back(entry);
      if (log_.last_errors.size() > last_errors) log_.last_errors.pop_front();
    }
  } else if (split_at(warning_mark, line, entry.where, text)) {
    entry.text = std::string(text.substr(0, kept_text));
    ++log_.criu_lines;
    if (log_.warnings.size() < first_errors) log_.warnings.push_back(entry);
  } else {
    entry.text = std::string(line.substr(0, kept_text));
    if (timed) {
      ++log_.criu_lines;
      before_ = trim(line.substr(line.find(')') + 1)).substr(0, kept_text);
    }
  }
  if (const auto end = end_told_by(line); end != CriuLog::End::open) {
    log_.end = end;
    log_.end_at = log_.lines;
  }
  if (timed || line.starts_with("Version: ")) {
    if (const auto version = word_after(line, "Version: "); !version.empty() && log_.criu_version.empty())
      log_.criu_version = std::string(version);
    if (line.contains("Running on ") && log_.kernel.empty()) {
      log_.kernel = std::string(word_after(line, " Linux "));
      log_.machine = std::string(line.substr(line.rfind(' ') + 1).substr(0, 40));
    }
  }
  if (log_.head.size() < head_lines) {
    log_.head.push_back(std::move(entry));
  } else {
    log_.tail.push_back(std::move(entry));
    if (log_.tail.size() > tail_lines) log_.tail.pop_front();
  }
}

void LogReader::feed(std::string_view bytes) {
  log_.bytes += bytes.size();
  while (!bytes.empty()) {
    const auto newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline);
    line_.append(part.substr(0, line_limit - std::min(line_.size(), line_limit)));
    line_bytes_ += part.size();
    if (newline == bytes.npos) return;
    end_line();
    bytes.remove_prefix(newline + 1);
  }
}

CriuLog LogReader::finish() {
  if (line_bytes_ > 0) end_line();
  return std::move(log_);
}

CriuLog read_criu_log(std::string_view bytes) {
  LogReader reader;
  reader.feed(bytes);
  return reader.finish();
}

}  // namespace cg
