#include <fmt/format.h>

#include <charconv>

#include "image/editor.h"

namespace cg::image {
namespace {

// Cuts at colons that no backslash stands before, and takes these backslashes out.
std::vector<std::string> cut(std::string_view text) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ':' || text[i + 1] == '\\')) fields.back() += text[++i];
    else if (text[i] == ':') fields.emplace_back();
    else fields.back() += text[i];
  }
  return fields;
}

std::optional<std::uint32_t> number(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Injection> parse_injection(std::string_view text) {
  const auto fields = cut(text);
  const auto bad = [&](std::string_view why) {
    return usage_error(fmt::format("'{}': {}; write SRC:DEST[:MODE[:UID:GID]], with \\: for a colon in a name", text, why));
  };
  if (fields.size() < 2 || fields.size() == 4 || fields.size() > 5) return bad("not two, three or five fields");
  if (fields[0].empty()) return bad("no source");
  if (fields[1].empty()) return bad("no destination");
  Injection injection{.source = fields[0], .destination = fields[1], .mode = {}, .uid = {}, .gid = {}};
  if (fields.size() > 2) {
    injection.mode = number(fields[2], 8);
    if (!injection.mode || *injection.mode > 07777) return bad(fmt::format("'{}' is no octal mode", fields[2]));
  }
  if (fields.size() == 5) {
    injection.uid = number(fields[3], 10);
    injection.gid = number(fields[4], 10);
    if (!injection.uid || !injection.gid) return bad(fmt::format("'{}:{}' are no numeric user and group", fields[3], fields[4]));
  }
  return injection;
}

}  // namespace cg::image
