#include "image/tree/change.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace cg::image {
namespace {

// Cuts at colons that no backslash stands before, and takes these backslashes out.
std::vector<std::string> cut(std::string_view text) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ':' || text[i + 1] == '\\'))
      fields.back() += text[++i];
    else if (text[i] == ':')
      fields.emplace_back();
    else
      fields.back() += text[i];
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
  auto fields = cut(text);
  // A file whose own name has colons: the shortest name that exists.
  std::error_code ignored;
  for (std::size_t count = 1; count < fields.size(); ++count) {
    std::string name = join({fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(count)}, ":");
    if (name.empty() || !std::filesystem::exists(name, ignored)) continue;
    fields.erase(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(count) - 1);
    fields[0] = std::move(name);
    break;
  }
  const auto bad = [&](std::string_view why) {
    return usage_error(
        fmt::format("'{}': {}; write SRC:DEST[:MODE[:UID:GID]], with \\: for a colon in a name", text, why));
  };
  if (fields.size() < 2 || fields.size() == 4 || fields.size() > 5)
    return bad("not two, three or five fields");
  if (fields[0].empty()) return bad("no source");
  if (fields[1].empty()) return bad("no destination");
  Injection injection{.source = fields[0], .destination = fields[1], .mode = {}, .uid = {}, .gid = {}};
  if (fields.size() > 2) {
    injection.mode = number(fields[2], 8);
    if (!injection.mode || *injection.mode > 07777)
      return bad(fmt::format("'{}' is no octal mode", fields[2]));
  }
  if (fields.size() == 5) {
    injection.uid = number(fields[3], 10);
    injection.gid = number(fields[4], 10);
    if (!injection.uid || !injection.gid)
      return bad(fmt::format("'{}:{}' are no numeric user and group", fields[3], fields[4]));
  }
  return injection;
}

Result<std::uint32_t> parse_mode(std::string_view text) {
  const auto mode = number(text, 8);
  if (!mode || *mode > 07777)
    return usage_error(fmt::format("'{}': not an octal mode such as 755 or 4755", text));
  return *mode;
}

Result<Owner> parse_owner(std::string_view text) {
  const auto colon = text.find(':');
  const auto uid = number(text.substr(0, colon), 10);
  const auto gid = colon == std::string_view::npos ? std::nullopt : number(text.substr(colon + 1), 10);
  if (!uid || !gid) return usage_error(fmt::format("'{}': write numbers as UID:GID", text));
  return Owner{*uid, *gid};
}

}  // namespace cg::image
