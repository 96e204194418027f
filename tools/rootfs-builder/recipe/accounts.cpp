#include "recipe/accounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/digits.h"
#include "base/text.h"

namespace cg {
namespace {

// Where passwd(5) and group(5) have the numbers.
constexpr std::size_t id_field = 2;
constexpr std::size_t primary_field = 3;
constexpr std::size_t members_field = 3;
// Debian's and systemd's range for the users of the system itself, given out from its top.
constexpr std::uint32_t first_system_id = 100;
constexpr std::uint32_t last_system_id = 999;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What useradd(8) of Debian and systemd's tools take alike.
Result<void> check_name(const std::string& kind, const std::string& name) {
  const auto good = [](char c, bool first) {
    return (c >= 'a' && c <= 'z') || c == '_' || (!first && (is_digit(c) || c == '-'));
  };
  bool fits = !name.empty() && name.size() <= 31 && good(name[0], true);
  for (const char c : name) fits = fits && good(c, false);
  if (fits) return {};
  return refused(fmt::format(
      "{} '{}': a name has up to 31 of a-z, 0-9, '_' and '-', and starts with a letter or '_'", kind, name));
}

Result<void> check_field(const std::string& user, std::string_view field, const std::string& value) {
  if (value.find_first_of(":\n") == std::string::npos) return {};
  return refused(fmt::format("user {}: {} cannot hold ':' or a line break", user, field));
}

}  // namespace

AccountFile::AccountFile(std::string path, std::size_t fields, std::optional<std::string> text)
    : path_(std::move(path)), fields_(fields), exists_(text.has_value()) {
  if (!text) return;
  for (const auto line : split_lines(*text)) lines_.push_back(split(line, ':'));
}

std::string AccountFile::text() const {
  std::string text;
  for (const auto& line : lines_) text += join(line, ":") + "\n";
  return text;
}

const std::vector<std::string>* AccountFile::find(const std::string& name) const {
  return find_where(0, name);
}

const std::vector<std::string>* AccountFile::find_where(std::size_t field, const std::string& value) const {
  for (const auto& line : lines_)
    if (line.size() > field && line.size() >= 2 && line[field] == value) return &line;
  return nullptr;
}

void AccountFile::set(std::vector<std::string> fields) {
  fields.resize(fields_);
  for (auto& line : lines_) {
    if (line.size() < 2 || line[0] != fields[0]) continue;
    changed_ = changed_ || line != fields;
    line = std::move(fields);
    return;
  }
  const auto end = std::ranges::find_if(
      lines_, [](const std::vector<std::string>& line) { return line[0].starts_with('+'); });
  lines_.insert(end, std::move(fields));
  changed_ = exists_ = true;
}

Result<Accounts> Accounts::load(
    const std::function<Result<std::optional<std::string>>(const std::string& path)>& read) {
  CG_TRY(passwd, read("/etc/passwd"));
  CG_TRY(group, read("/etc/group"));
  CG_TRY(shadow, read("/etc/shadow"));
  CG_TRY(gshadow, read("/etc/gshadow"));
  return Accounts{{"/etc/passwd", 7, std::move(passwd)},
                  {"/etc/group", 4, std::move(group)},
                  {"/etc/shadow", 9, std::move(shadow)},
                  {"/etc/gshadow", 4, std::move(gshadow)}};
}

std::optional<Accounts::Ids> Accounts::ids(const std::string& user) const {
  const auto* line = passwd.find(user);
  if (!line || line->size() <= primary_field) return std::nullopt;
  const auto uid = number((*line)[id_field]);
  const auto gid = number((*line)[primary_field]);
  if (!uid || !gid) return std::nullopt;
  return Ids{*uid, *gid};
}

Result<std::uint32_t> Accounts::free_id(const AccountFile& file, const std::string& name) const {
  for (std::uint32_t id = last_system_id; id >= first_system_id; --id)
    if (!passwd.find_where(id_field, std::to_string(id)) && !group.find_where(id_field, std::to_string(id)))
      return id;
  return refused(fmt::format("{}: no number from {} to {} is free for {}", file.path(), first_system_id,
                             last_system_id, name));
}

Result<void> Accounts::apply(const RecipeGroup& wish) {
  CG_CHECK(check_name("group", wish.name));
  const auto* there = group.find(wish.name);
  std::vector<std::string> line = there ? *there : std::vector<std::string>{wish.name, "x", "", ""};
  line.resize(4);
  if (there && wish.gid && line[id_field] != std::to_string(*wish.gid))
    return refused(
        fmt::format("group {}: has the number {} already, not {}", wish.name, line[id_field], *wish.gid));
  if (!there) {
    std::uint32_t gid = 0;
    if (wish.gid) {
      gid = *wish.gid;
    } else {
      CG_TRY(found, free_id(group, wish.name));
      gid = found;
    }
    if (const auto* other = group.find_where(id_field, std::to_string(gid)))
      return refused(fmt::format("group {}: the number {} is that of {}", wish.name, gid, (*other)[0]));
    line[id_field] = std::to_string(gid);
    if (gshadow.exists()) gshadow.set({wish.name, "!", "", ""});
  }
  group.set(line);
  for (const auto& member : wish.members) {
    if (!passwd.find(member)) return refused(fmt::format("group {}: there is no user {}", wish.name, member));
    CG_CHECK(join_group(member, wish.name));
  }
  return {};
}

Result<void> Accounts::join_group(const std::string& user, const std::string& name) {
  for (AccountFile* file : {&group, &gshadow}) {
    const auto* there = file->find(name);
    if (!there) {
      if (file == &gshadow) continue;
      std::vector<std::string> names;
      for (const auto& line : group.lines()) names.push_back(line[0]);
      return refused(fmt::format("user {}: there is no group {}{}", user, name, did_you_mean(name, names)));
    }
    auto line = *there;
    line.resize(4);
    auto members = line[members_field].empty() ? std::vector<std::string>() : split(line[members_field], ',');
    if (std::ranges::find(members, user) != members.end()) continue;
    members.push_back(user);
    line[members_field] = join(members, ",");
    file->set(std::move(line));
  }
  return {};
}

Result<void> Accounts::apply(const RecipeUser& wish, std::optional<std::int64_t> day) {
  CG_CHECK(check_name("user", wish.name));
  for (const auto& [field, value] :
       {std::pair<std::string_view, const std::optional<std::string>&>{"comment", wish.comment},
        {"home", wish.home},
        {"shell", wish.shell},
        {"password", wish.password}})
    if (value) CG_CHECK(check_field(wish.name, field, *value));
  const auto* there = passwd.find(wish.name);
  std::vector<std::string> line =
      there ? *there
            : std::vector<std::string>{wish.name, "x", "", "", "", "/nonexistent", "/usr/sbin/nologin"};
  line.resize(7);
  if (there && wish.uid && line[id_field] != std::to_string(*wish.uid))
    return refused(
        fmt::format("user {}: has the number {} already, not {}", wish.name, line[id_field], *wish.uid));
  if (!there) {
    std::uint32_t uid = 0;
    if (wish.uid) {
      uid = *wish.uid;
    } else {
      CG_TRY(found, free_id(passwd, wish.name));
      uid = found;
    }
    if (const auto* other = passwd.find_where(id_field, std::to_string(uid)))
      return refused(fmt::format("user {}: the number {} is that of {}", wish.name, uid, (*other)[0]));
    line[id_field] = std::to_string(uid);
  }
  // The primary group: the one named, or one of the user's own name.
  if (!there || wish.group) {
    const std::string name = wish.group.value_or(wish.name);
    if (!group.find(name)) {
      if (wish.group) {
        std::vector<std::string> names;
        for (const auto& known : group.lines()) names.push_back(known[0]);
        return refused(fmt::format("user {}: there is no group {}{}; a [[group]] makes one", wish.name, name,
                                   did_you_mean(name, names)));
      }
      const auto uid = number(line[id_field]);
      const bool same = uid && !group.find_where(id_field, line[id_field]);
      CG_CHECK(apply(RecipeGroup{.name = name, .gid = same ? uid : std::nullopt, .members = {}}));
    }
    line[primary_field] = (*group.find(name))[id_field];
  }
  if (wish.comment) line[4] = *wish.comment;
  if (wish.home) line[5] = *wish.home;
  if (wish.shell) line[6] = *wish.shell;
  // "!" in front: no password is the right one, and what was there can be had back.
  std::string password;
  if (shadow.exists()) {
    const auto* secret = shadow.find(wish.name);
    std::vector<std::string> entry =
        secret ? *secret
               : std::vector<std::string>{
                     wish.name, "!", day ? std::to_string(*day) : "", "0", "99999", "7", "", "", ""};
    entry.resize(9);
    if (wish.password) entry[1] = *wish.password;
    if (wish.locked && !entry[1].starts_with('!') && !entry[1].starts_with('*')) entry[1] = "!" + entry[1];
    shadow.set(std::move(entry));
    line[1] = "x";
  } else {
    if (wish.password || !there) line[1] = wish.password.value_or("!");
    if (wish.locked && line[1] != "x" && !line[1].starts_with('!') && !line[1].starts_with('*'))
      line[1] = "!" + line[1];
  }
  passwd.set(std::move(line));
  for (const auto& name : wish.groups) CG_CHECK(join_group(wish.name, name));
  return {};
}

}  // namespace cg
