#include "checkpoint/numbered.h"

#include <charconv>

namespace cg::checkpoint {

std::optional<std::uint32_t> number_in(std::string_view file, std::string_view beginning) {
  constexpr std::string_view ending = ".img";
  if (!file.starts_with(beginning) || !file.ends_with(ending)) return std::nullopt;
  if (file.size() < beginning.size() + ending.size()) return std::nullopt;
  const std::string_view digits =
      file.substr(beginning.size(), file.size() - beginning.size() - ending.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || digits.empty() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace cg::checkpoint
