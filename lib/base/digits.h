// Digits of ASCII, whatever the locale is.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace cg {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
// Two lower-case digits a byte.
std::string hex(std::span<const std::byte> bytes);

}  // namespace cg
