#include "image/options/size.h"

#include <fmt/format.h>

#include <charconv>

namespace cg::image {

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto bad = [&] {
    return usage_error(fmt::format("size '{}': not a number of bytes such as 268435456, 512M or 1.5G", text));
  };
  std::string_view digits = text;
  int shift = 0;
  if (!digits.empty()) {
    constexpr std::string_view units = "KMGT";
    const auto unit = units.find(static_cast<char>(digits.back() & ~0x20));
    if (unit != std::string_view::npos) {
      shift = 10 * (static_cast<int>(unit) + 1);
      digits.remove_suffix(1);
    }
  }
  double value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || value < 0)
    return bad();
  const double bytes = value * static_cast<double>(1ULL << shift);
  if (!(bytes <= 16.0 * (1ULL << 40)))
    return usage_error(fmt::format("size '{}': more than 16T is not supported", text));
  return static_cast<std::uint64_t>(bytes);
}

Result<SizePolicy> parse_size_policy(std::string_view text) {
  SizePolicy policy;
  if (text == "auto") return policy;
  if (text.starts_with("auto+")) {
    CG_TRY(extra, parse_size(text.substr(5)));
    policy.extra = extra;
    return policy;
  }
  CG_TRY(fixed, parse_size(text));
  if (fixed < (256U << 10))
    return usage_error(fmt::format("size '{}': an ext4 image needs at least 256K", text));
  policy.fixed = fixed;
  return policy;
}

}  // namespace cg::image
