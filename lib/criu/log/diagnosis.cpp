#include "criu/log/diagnosis.h"

#include <algorithm>
#include <utility>

namespace cg {
namespace {

using Proof = Diagnosis::Proof;
using Role = Cause::Role;

Proof proof_of(const Recognized& found) {
  if (!found.cause) return Proof::unknown;
  switch (found.cause->role) {
    case Role::cause:
      return Proof::cause;
    case Role::guess:
      return Proof::guess;
    default:
      return Proof::hint;
  }
}

bool says_what_failed(const Recognized& found) {
  return found.is(Role::cause) || found.is(Role::guess);
}

// The errors that are neither noise nor consequences, in the log's order.
std::vector<Recognized> telling_errors(const Knowledge& knowledge, const CriuLog& log, std::size_t& noise,
                                       bool& failed) {
  std::vector<Recognized> found;
  const auto look_at = [&](const LogLine& line) {
    auto recognized = recognize(knowledge, log, line);
    if (recognized.is(Role::noise))
      ++noise;
    else if (recognized.is(Role::consequence) ||
             (recognized.cause && recognized.cause->first && (failed || !found.empty())))
      failed = true;
    else
      found.push_back(std::move(recognized));
  };
  std::ranges::for_each(log.errors, look_at);
  std::ranges::for_each(log.last_errors, look_at);
  return found;
}

// The first of the lines that `wanted` takes.
template <typename Lines, typename Wanted>
std::optional<Recognized> first_of(const Knowledge& knowledge, const CriuLog& log, const Lines& lines,
                                   Wanted wanted) {
  for (const auto& line : lines)
    if (auto found = recognize(knowledge, log, line); found.cause && wanted(found)) return found;
  return std::nullopt;
}

// Where CRIU itself says no more than that it failed: its warnings, then the words of the caller.
std::optional<Recognized> below_the_errors(const Knowledge& knowledge, const CriuLog& log, bool failed) {
  const auto warned = [](const Recognized& found) { return found.cause->warned && says_what_failed(found); };
  const auto wrapper = [](const Recognized& found) {
    return found.line.where.empty() && found.cause->stage == "wrapper" && !found.is(Role::noise);
  };
  // Words without any mark of CRIU: a line that someone quotes, or the log of another program.
  const auto anything = [](const Recognized& found) {
    return found.cause->places.empty() && (says_what_failed(found) || found.is(Role::hint));
  };
  std::optional<Recognized> found;
  const auto look_at = [&](const auto& lines, auto wanted) {
    if (!found) found = first_of(knowledge, log, lines, wanted);
  };
  if (log.criu_lines == 0) {
    look_at(log.head, [&](const Recognized& line) { return anything(line) && says_what_failed(line); });
    look_at(log.tail, [&](const Recognized& line) { return anything(line) && says_what_failed(line); });
    look_at(log.head, anything);
    look_at(log.tail, anything);
    return found;
  }
  if (failed) {
    look_at(log.warnings, warned);
    look_at(log.head, warned);
    look_at(log.tail, warned);
  }
  look_at(log.head, wrapper);
  look_at(log.tail, wrapper);
  return found;
}

// Where a log breaks off that tells no error: rows with `last`.
std::optional<Recognized> last_line(const Knowledge& knowledge, const CriuLog& log) {
  if (log.criu_lines == 0) return std::nullopt;
  const LogLine& last = log.tail.empty() ? log.head.back() : log.tail.back();
  auto found = recognize(knowledge, log, last);
  if (!found.cause || !found.cause->last) return std::nullopt;
  return found;
}

}  // namespace

Diagnosis diagnose(const Knowledge& knowledge, const CriuLog& log) {
  Diagnosis diagnosis;
  bool failed = false;
  auto found = telling_errors(knowledge, log, diagnosis.noise, failed);
  failed = failed || log.end == CriuLog::End::failure;
  if (log.end == CriuLog::End::success && (found.empty() || found.back().line.number < log.end_at)) {
    diagnosis.proof = Proof::nothing_failed;
    diagnosis.others = std::move(found);
    return diagnosis;
  }
  if (found.empty()) {
    diagnosis.answer = below_the_errors(knowledge, log, failed);
    if (!diagnosis.answer && !failed) {
      diagnosis.answer = last_line(knowledge, log);
      diagnosis.breaks_off = diagnosis.answer.has_value();
    }
    diagnosis.proof = diagnosis.answer ? proof_of(*diagnosis.answer) : failed ? Proof::end_only : Proof::open;
    return diagnosis;
  }
  std::size_t answer = 0;
  if (!says_what_failed(found[0])) {
    const auto later =
        static_cast<std::size_t>(std::ranges::find_if(found, says_what_failed) - found.begin());
    if (later < found.size()) answer = later;
  }
  diagnosis.proof = proof_of(found[answer]);
  if (answer > 0) {
    // Its caller, if nothing stands between the two.
    const bool caller = found[answer].line.number - found[0].line.number == answer;
    if (!caller && diagnosis.proof == Proof::cause) diagnosis.proof = Proof::guess;
    diagnosis.before = found[0];
  }
  diagnosis.answer = std::move(found[answer]);
  found.erase(found.begin() + static_cast<std::ptrdiff_t>(answer));
  diagnosis.others = std::move(found);
  return diagnosis;
}

}  // namespace cg
