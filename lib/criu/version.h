// Versions of CRIU and of Linux, ranges of them, and the CRIU versions this project knows.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

struct Version {
  std::array<int, 3> number{};
  auto operator<=>(const Version&) const = default;
  std::string text() const;  // "4.1.1", "6.12"; a last number of 0 is not written
};

// Exactly "N.N" or "N.N.N", with an optional leading "v".
std::optional<Version> parse_version(std::string_view text);
// The version a longer text begins with: "6.12.47-kata" is 6.12.47.
std::optional<Version> leading_version(std::string_view text);

// Comparisons that must all hold, separated by blanks, and alternatives of them: ">=3.18 <4.0", "3.18", "*",
// ">=6.12.34 <6.12.44 || >=6.1.142 <6.1.149".
class VersionRange {
 public:
  static Result<VersionRange> parse(std::string_view text);
  bool contains(const Version& version) const;
  bool everything() const { return alternatives_.empty(); }
  const std::string& text() const { return text_; }

 private:
  enum class Comparison { less, at_most, equal, at_least, greater };
  struct Bound {
    Comparison comparison;
    Version version;
  };
  std::vector<std::vector<Bound>> alternatives_;
  std::string text_ = "*";
};

}  // namespace cg
