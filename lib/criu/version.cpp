#include "criu/version.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace cg {
namespace {

// Takes "N.N" or "N.N.N" off the front of `text`.
std::optional<Version> take_version(std::string_view& text) {
  Version version;
  std::size_t count = 0;
  while (count < version.number.size()) {
    int value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || value < 0) return std::nullopt;
    version.number[count++] = value;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    const bool more = text.size() > 1 && text[0] == '.' && text[1] >= '0' && text[1] <= '9';
    if (!more || count == version.number.size()) break;
    text.remove_prefix(1);
  }
  return count >= 2 ? std::optional(version) : std::nullopt;
}

}  // namespace

std::string Version::text() const {
  const auto& [first, second, third] = number;
  return third == 0 ? fmt::format("{}.{}", first, second) : fmt::format("{}.{}.{}", first, second, third);
}

std::optional<Version> parse_version(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto version = take_version(text);
  return text.empty() ? version : std::nullopt;
}

std::optional<Version> leading_version(std::string_view text) {
  return take_version(text);
}

Result<VersionRange> VersionRange::parse(std::string_view text) {
  VersionRange range;
  range.text_ = trim(text).empty() ? "*" : std::string(trim(text));
  if (range.text_ == "*") return range;
  for (const auto& word : split(range.text_, ' ')) {
    if (word.empty()) continue;
    if (range.alternatives_.empty()) range.alternatives_.emplace_back();
    if (word == "||") {
      range.alternatives_.emplace_back();
      continue;
    }
    Bound bound{Comparison::equal, {}};
    std::string_view rest = word;
    constexpr std::pair<std::string_view, Comparison> operators[] = {{">=", Comparison::at_least},
                                                                     {"<=", Comparison::at_most},
                                                                     {">", Comparison::greater},
                                                                     {"<", Comparison::less},
                                                                     {"=", Comparison::equal}};
    for (const auto& [sign, comparison] : operators) {
      if (!rest.starts_with(sign)) continue;
      bound.comparison = comparison;
      rest.remove_prefix(sign.size());
      break;
    }
    const auto version = parse_version(rest);
    if (!version)
      return refused(
          fmt::format("'{}' is not a version range; write it like \">=3.18 <4.0\", \"3.18\" or \"*\"", text));
    bound.version = *version;
    range.alternatives_.back().push_back(bound);
  }
  if (std::ranges::any_of(range.alternatives_, &std::vector<Bound>::empty))
    return refused(fmt::format("'{}': an alternative of a version range is empty", text));
  return range;
}

bool VersionRange::contains(const Version& version) const {
  const auto holds = [&](const Bound& bound) {
    switch (bound.comparison) {
      case Comparison::less:
        return version < bound.version;
      case Comparison::at_most:
        return version <= bound.version;
      case Comparison::equal:
        return version == bound.version;
      case Comparison::at_least:
        return version >= bound.version;
      case Comparison::greater:
        return version > bound.version;
    }
    return false;
  };
  return alternatives_.empty() || std::ranges::any_of(alternatives_, [&](const std::vector<Bound>& bounds) {
           return std::ranges::all_of(bounds, holds);
         });
}

}  // namespace cg
