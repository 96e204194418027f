#include "image/disk/uuid.h"

#include <fmt/format.h>

#include <charconv>

namespace cg::image {

Result<Uuid> parse_uuid(std::string_view text) {
  Uuid uuid{};
  std::size_t at = 0;
  bool good = text.size() == 36;
  for (std::size_t i = 0; good && i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) good = text[at++] == '-';
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 2, uuid[i], 16);
    good = good && error == std::errc{} && end == text.data() + at + 2;
    at += 2;
  }
  if (!good)
    return usage_error(fmt::format("UUID '{}': not of the form 01234567-89ab-cdef-0123-456789abcdef", text));
  return uuid;
}

std::string to_string(const Uuid& uuid) {
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", uuid[i]);
  }
  return text;
}

}  // namespace cg::image
