// verify --recipe: each part of the plan is asked whether there is anything left to do for it.
#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/text.h"
#include "commands/verify_check.h"
#include "programs/image_tree.h"
#include "recipe/accounts.h"
#include "recipe/units.h"

namespace cg {
namespace {

using image::NodeType;

class RecipeCheck {
 public:
  RecipeCheck(const image::ImageReader& reader, Plan plan)
      : reader_(reader), tree_(reader), plan_(std::move(plan)), recipe_(plan_.recipe) {}

  Result<std::vector<Check>> run() {
    CG_CHECK(look_for_inputs());
    for (const auto& item : recipe_.directories)
      if (plan_.wanted(item.needs)) look_at(item.path, NodeType::directory, item.owner);
    for (const auto& file : recipe_.files)
      if (plan_.wanted(file.needs)) CG_CHECK(look_at_file(file));
    for (const auto& link : recipe_.links)
      if (plan_.wanted(link.needs)) look_at_link(link);
    if (!recipe_.sysctl.empty()) look_at_text(recipe_.sysctl_path(), recipe_.sysctl_text(), {.mode = 0644});
    CG_CHECK(look_at_accounts());
    look_at_units();
    if (recipe_.modules) CG_CHECK(look_at_modules());
    if (checks_.empty())
      checks_.push_back({"recipe", "PASS",
                         fmt::format("all {} things that {} asks for are there", looked_at_, recipe_.name)});
    return std::move(checks_);
  }

 private:
  void fail(const std::string& path, std::string detail) {
    checks_.push_back({"recipe", "FAIL", std::move(detail), path});
  }

  // A later entry of the same path takes the place of an earlier one.
  bool is_overridden(const std::string& path, const void* by) const {
    const void* last = nullptr;
    const auto see = [&](const std::string& other, const std::string& needs, const void* item) {
      if (other == path && plan_.wanted(needs)) last = item;
    };
    for (const auto& item : recipe_.directories) see(item.path, item.needs, &item);
    for (const auto& item : recipe_.files) see(item.dest, item.needs, &item);
    for (const auto& item : recipe_.links)
      if (!item.unless_present) see(item.path, item.needs, &item);
    return last && last != by;
  }

  bool look_at(const std::string& path, NodeType type, const RecipeOwner& owner) {
    ++looked_at_;
    const auto info = reader_.stat(path);
    if (!info) {
      fail(path, "is not in the image");
    } else if (info->meta.type != type) {
      fail(path, fmt::format("is a {}, not a {}", image::to_string(info->meta.type), image::to_string(type)));
    } else if (info->meta.mode != owner.mode || info->meta.uid != owner.uid || info->meta.gid != owner.gid) {
      fail(path, fmt::format("has mode {:04o} and belongs to {}:{}, not {:04o} and {}:{}", info->meta.mode,
                             info->meta.uid, info->meta.gid, owner.mode, owner.uid, owner.gid));
    } else {
      return true;
    }
    return false;
  }

  void look_at_text(const std::string& path, const std::string& wanted, const RecipeOwner& owner) {
    if (!look_at(path, NodeType::regular, owner)) return;
    const auto text = reader_.read(path);
    if (!text)
      fail(path, text.error().message);
    else if (*text != wanted)
      fail(path, "holds other text than the recipe");
  }

  Result<void> look_at_file(const RecipeFile& file) {
    if (is_overridden(file.dest, &file)) return {};
    if (file.source.empty()) {
      look_at_text(file.dest, file.content, file.owner);
      return {};
    }
    ++looked_at_;
    CG_TRY(check, check_file(reader_, {.source = file.source,
                                       .destination = file.dest,
                                       .mode = file.owner.mode,
                                       .uid = file.owner.uid,
                                       .gid = file.owner.gid}));
    if (check.verdict != "PASS") fail(check.path, check.detail);
    return {};
  }

  Result<void> look_for_inputs() {
    for (const auto& input : recipe_.inputs) {
      const auto given = plan_.inputs.find(input.name);
      if (given != plan_.inputs.end()) {
        ++looked_at_;
        CG_TRY(check, check_file(reader_, {.source = given->second,
                                           .destination = input.dest,
                                           .mode = input.owner.mode,
                                           .uid = input.owner.uid,
                                           .gid = input.owner.gid}));
        if (check.verdict != "PASS") fail(check.path, check.detail);
      } else if (!input.optional || reader_.exists(input.dest)) {
        look_at(input.dest, NodeType::regular, input.owner);
        plan_.inputs[input.name];  // what needs it is wanted
      }
    }
    return {};
  }

  void look_at_link(const RecipeLink& link) {
    if (is_overridden(link.path, &link)) return;
    ++looked_at_;
    const auto info = reader_.stat(link.path, image::LastLink::keep);
    if (!info)
      fail(link.path, "is not in the image");
    else if (link.unless_present)
      return;
    else if (info->meta.type != NodeType::symlink)
      fail(link.path,
           fmt::format("is a {}, not a link to {}", image::to_string(info->meta.type), link.target));
    else if (info->meta.target != link.target)
      fail(link.path, fmt::format("leads to {}, not to {}", info->meta.target, link.target));
  }

  Result<std::optional<std::string>> text_of(const std::string& path) const {
    if (!reader_.exists(path)) return std::nullopt;
    CG_TRY(text, reader_.read(path, 16 << 20));
    return text;
  }

  // On a copy for each: what would change is not as the recipe says.
  Result<void> look_at_accounts() {
    const auto ask = [&](const std::string& what, const auto& apply) -> Result<void> {
      ++looked_at_;
      CG_TRY(accounts, Accounts::load([&](const std::string& path) { return text_of(path); }));
      const auto applied = apply(accounts);
      if (!applied) fail("/etc/passwd", applied.error().message);
      for (const AccountFile* file : {&accounts.passwd, &accounts.group, &accounts.shadow, &accounts.gshadow})
        if (applied && file->changed()) fail(file->path(), what + " is not as the recipe says");
      return {};
    };
    for (const auto& group : recipe_.groups)
      CG_CHECK(ask("group " + group.name, [&](Accounts& accounts) { return accounts.apply(group); }));
    for (const auto& user : recipe_.users) {
      CG_CHECK(
          ask("user " + user.name, [&](Accounts& accounts) { return accounts.apply(user, std::nullopt); }));
      if (user.make_home && !reader_.exists(*user.home)) fail(*user.home, "is not in the image");
    }
    return {};
  }

  void look_at_units() {
    const RecipeServices& services = recipe_.services;
    for (const auto& [units, verb, state] : {std::tuple{&services.enable, &enable_unit, "enabled"},
                                             std::tuple{&services.disable, &disable_unit, "disabled"},
                                             std::tuple{&services.mask, &mask_unit, "masked"}})
      for (const auto& unit : *units) {
        ++looked_at_;
        const auto left = verb(tree_, unit);
        if (!left)
          fail("/etc/systemd/system", left.error().message);
        else if (!left->empty())
          fail(left->front().path, fmt::format("{} is not {}", unit, state));
      }
  }

  Result<void> look_at_modules() {
    std::string known;
    const auto versions = reader_.list("/lib/modules");
    for (const auto& version : versions ? *versions : std::vector<image::DirectoryItem>())
      for (const char* name : {"modules.dep", "modules.builtin"}) {
        CG_TRY(text, text_of(fmt::format("/lib/modules/{}/{}", version.name, name)));
        if (!text) continue;
        for (const auto line : split_lines(*text)) {
          const std::string_view path = line.substr(0, line.find(':'));
          known += fmt::format("\n{}.", path.substr(path.rfind('/') + 1));
        }
      }
    std::ranges::replace(known, '-', '_');
    for (std::string name : recipe_.modules->names) {
      ++looked_at_;
      std::ranges::replace(name, '-', '_');
      if (name.contains(':') || known.contains("\n" + name + ".")) continue;  // an alias has no file
      if (!recipe_.modules->optional || !known.empty())
        fail("/lib/modules", fmt::format("has no module {}", name));
    }
    return {};
  }

  const image::ImageReader& reader_;
  ImageTree tree_;
  Plan plan_;
  const Recipe& recipe_;
  std::vector<Check> checks_;
  std::size_t looked_at_ = 0;
};

}  // namespace

Result<std::vector<Check>> check_recipe(const image::ImageReader& reader, Plan plan) {
  return RecipeCheck(reader, std::move(plan)).run();
}

}  // namespace cg
