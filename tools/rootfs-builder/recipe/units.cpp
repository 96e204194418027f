#include "recipe/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"

namespace cg {
namespace {

constexpr const char* own_directory = "/etc/systemd/system";
// In the order of systemd.unit(5), without those of a running system.
constexpr const char* unit_directories[] = {own_directory, "/usr/local/lib/systemd/system",
                                            "/usr/lib/systemd/system", "/lib/systemd/system"};

struct UnitName {
  std::string full;      // "getty@tty1.service"
  std::string prefix;    // "getty"
  std::string instance;  // "tty1"
  std::string suffix;    // ".service"
  bool is_template = false;
  bool is_instance = false;

  std::string file() const { return is_instance ? prefix + "@" + suffix : full; }
};

UnitName parse_name(const std::string& name) {
  UnitName unit{.full = name, .prefix = {}, .instance = {}, .suffix = {}};
  const std::size_t dot = name.rfind('.');
  unit.suffix = dot == std::string::npos ? "" : name.substr(dot);
  unit.prefix = name.substr(0, dot);
  if (const std::size_t at = unit.prefix.find('@'); at != std::string::npos) {
    unit.instance = unit.prefix.substr(at + 1);
    unit.prefix.resize(at);
    unit.is_template = unit.instance.empty();
    unit.is_instance = !unit.is_template;
  }
  return unit;
}

Result<void> check_name(const std::string& unit) {
  for (const char* suffix : {".service", ".socket", ".timer", ".target", ".mount", ".path", ".slice",
                             ".automount", ".swap", ".device", ".scope"})
    if (unit.ends_with(suffix) && unit.size() > std::string_view(suffix).size() && !unit.contains('/'))
      return {};
  return refused(fmt::format("unit '{}': a unit has a name such as ssh.service", unit));
}

// The specifiers of systemd.unit(5) that make sense in [Install].
std::string expand(const std::string& text, const UnitName& unit) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'i':
      case 'I':
        result += unit.instance;
        break;
      case 'p':
      case 'P':
        result += unit.prefix;
        break;
      case 'n':
        result += unit.full;
        break;
      case 'N':
        result += unit.full.substr(0, unit.full.size() - unit.suffix.size());
        break;
      case '%':
        result += '%';
        break;
      default:
        result += {'%', text[i]};
    }
  }
  return result;
}

using Install = std::map<std::string, std::vector<std::string>>;

// An empty value takes back what was said before (systemd.syntax(7)).
Install parse_install(std::string_view text) {
  Install install;
  std::string section;
  std::string line;
  for (const auto raw : split_lines(text)) {
    const std::string_view piece = trim(raw);
    if (!line.empty() && (piece.starts_with('#') || piece.starts_with(';'))) continue;  // inside a long line
    line += piece;
    if (line.ends_with('\\')) {
      line.back() = ' ';
      continue;
    }
    const std::string whole = std::exchange(line, {});
    if (whole.empty() || whole[0] == '#' || whole[0] == ';') continue;
    if (whole[0] == '[') {
      section = whole;
      continue;
    }
    const std::size_t equals = whole.find('=');
    if (section != "[Install]" || equals == std::string::npos) continue;
    auto& values = install[std::string(trim(std::string_view(whole).substr(0, equals)))];
    const auto value = trim(std::string_view(whole).substr(equals + 1));
    if (value.empty()) values.clear();
    for (const auto& word : split(value, ' '))
      if (!word.empty()) values.push_back(word);
  }
  return install;
}

struct Unit {
  UnitName name;
  std::string path;  // of its file, as links name it
  Install install;
  bool masked = false;
};

class Units {
 public:
  explicit Units(const RootTree& tree) : tree_(tree) {}

  // A link to another name is that unit's alias.
  Result<Unit> find(const std::string& wanted, int depth = 0) const {
    const UnitName name = parse_name(wanted);
    for (const char* directory : unit_directories) {
      for (const std::string& file : {name.full, name.file()}) {
        const std::string path = fmt::format("{}/{}", directory, file);
        CG_TRY(place, resolve(tree_, path, LastLink::keep));
        if (!place.entry) continue;
        if (place.entry->kind == FileKind::link) {
          const std::string& target = place.entry->target;
          if (target == "/dev/null") return Unit{name, path, {}, true};
          const std::string other = target.substr(target.rfind('/') + 1);
          if (other != file && depth < 8) return find(other, depth + 1);
        }
        CG_TRY(real, resolve(tree_, path));
        if (!real.entry || real.entry->kind != FileKind::regular) continue;
        CG_TRY(text, tree_.read(real.path, 1 << 20));
        return Unit{name, path, parse_install(text)};
      }
    }
    return refused(fmt::format("unit {}: is not in the image{}", wanted, did_you_mean(wanted, names())));
  }

  std::vector<std::string> names() const {
    std::set<std::string> names;
    for (const char* directory : unit_directories) {
      const auto place = resolve(tree_, directory);
      if (!place || !place->entry || place->entry->kind != FileKind::directory) continue;
      if (const auto found = tree_.names(place->path)) names.insert(found->begin(), found->end());
    }
    return {names.begin(), names.end()};
  }

  Result<void> enable(const std::string& wanted) {
    if (!done_.insert(wanted).second) return {};
    CG_TRY(unit, find(wanted));
    if (unit.masked)
      return refused(
          fmt::format("unit {}: is masked by {}; remove that link to enable it", wanted, unit.path));
    const auto& defaults = unit.install["DefaultInstance"];
    UnitName name = unit.name;
    if (name.is_template) {
      if (defaults.empty())
        return refused(fmt::format("unit {}: is a template; name an instance, such as {}@NAME{}", wanted,
                                   name.prefix, name.suffix));
      name = parse_name(name.prefix + "@" + defaults.back() + name.suffix);
    }
    bool any = false;
    for (const auto& [key, directory] : {std::pair<const char*, const char*>{"WantedBy", "wants"},
                                         {"RequiredBy", "requires"},
                                         {"UpheldBy", "upholds"}})
      for (const auto& by : unit.install[key]) {
        any = true;
        CG_CHECK(link(fmt::format("{}/{}.{}/{}", own_directory, expand(by, name), directory, name.full),
                      unit.path));
      }
    for (const auto& alias : unit.install["Alias"]) {
      any = true;
      const std::string other = expand(alias, name);
      if (other != name.full) CG_CHECK(link(fmt::format("{}/{}", own_directory, other), unit.path));
    }
    for (const auto& also : unit.install["Also"]) {
      any = true;
      const std::string other = expand(also, name);
      // One that is not there, is masked or has no [Install] section of its own is no reason to fail.
      const auto second = find(other);
      if (second && !second->install.empty()) CG_CHECK(enable(other));
    }
    if (!any)
      return refused(fmt::format(
          "unit {}: {} says in no [Install] section what wants it; a [[symlink]] in a TARGET.wants directory "
          "of {} can",
          wanted, unit.path, own_directory));
    return {};
  }

  Result<void> disable(const std::string& wanted) {
    if (!done_.insert(wanted).second) return {};
    CG_TRY(unit, find(wanted));
    CG_TRY(top, resolve(tree_, own_directory));
    if (top.entry && top.entry->kind == FileKind::directory) {
      CG_TRY(names, tree_.names(top.path));
      CG_CHECK(unlink_in(top.path, unit));
      for (const auto& name : names)
        for (const char* ending : {".wants", ".requires", ".upholds"})
          if (name.ends_with(ending)) CG_CHECK(unlink_in(top.path + "/" + name, unit));
    }
    for (const auto& also : unit.install["Also"]) {
      const std::string other = expand(also, unit.name);
      if (find(other)) CG_CHECK(disable(other));
    }
    return {};
  }

  std::vector<LinkChange> take() { return std::move(changes_); }

 private:
  Result<void> link(const std::string& path, const std::string& target) {
    CG_TRY(there, resolve(tree_, path, LastLink::keep));
    if (there.entry) {
      if (there.entry->kind != FileKind::link)
        return refused(fmt::format("{}: is a file; it is not made a link to {}", path, target));
      CG_TRY(old, resolve(tree_, path));
      CG_TRY(wanted, resolve(tree_, target));
      if (old.path == wanted.path) return {};
      if (path.rfind('/') == std::string_view(own_directory).size())
        return refused(fmt::format("{}: leads to {} already; disable that first", path, there.entry->target));
    }
    changes_.push_back({path, target});
    return {};
  }

  // Links of the unit's name, or to its file.
  Result<void> unlink_in(const std::string& directory, const Unit& unit) {
    CG_TRY(entry, tree_.entry(directory));
    if (!entry || entry->kind != FileKind::directory) return {};
    CG_TRY(names, tree_.names(directory));
    for (const auto& name : names) {
      CG_TRY(item, tree_.entry(directory + "/" + name));
      if (!item || item->kind != FileKind::link || item->target == "/dev/null") continue;
      const UnitName link = parse_name(name);
      const bool of_template = unit.name.is_template && link.file() == unit.name.full;
      const std::string leads_to = item->target.substr(item->target.rfind('/') + 1);
      // For an instance, the other instances of its template stay.
      const bool alias = !unit.name.is_instance && leads_to == unit.path.substr(unit.path.rfind('/') + 1);
      if (name == unit.name.full || of_template || alias) changes_.push_back({directory + "/" + name, {}});
    }
    return {};
  }

  const RootTree& tree_;
  std::set<std::string> done_;
  std::vector<LinkChange> changes_;
};

}  // namespace

Result<std::vector<LinkChange>> enable_unit(const RootTree& tree, const std::string& unit) {
  CG_CHECK(check_name(unit));
  Units units(tree);
  CG_CHECK(units.enable(unit));
  return units.take();
}

Result<std::vector<LinkChange>> disable_unit(const RootTree& tree, const std::string& unit) {
  CG_CHECK(check_name(unit));
  Units units(tree);
  CG_CHECK(units.disable(unit));
  return units.take();
}

Result<std::vector<LinkChange>> mask_unit(const RootTree& tree, const std::string& unit) {
  CG_CHECK(check_name(unit));
  const std::string path = fmt::format("{}/{}", own_directory, unit);
  CG_TRY(there, resolve(tree, path, LastLink::keep));
  if (there.entry && there.entry->kind != FileKind::link)
    return refused(fmt::format("unit {}: {} is a file of its own; remove it to mask the unit", unit, path));
  if (there.entry && there.entry->target == "/dev/null") return std::vector<LinkChange>();
  return std::vector<LinkChange>{{path, "/dev/null"}};
}

}  // namespace cg
