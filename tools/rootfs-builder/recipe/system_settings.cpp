#include "recipe/system_settings.h"

#include <fmt/format.h>

#include "recipe/accounts.h"
#include "recipe/builder_entries.h"
#include "recipe/builder_tree.h"
#include "recipe/kernel_modules.h"
#include "recipe/units.h"

namespace cg {
namespace {

Result<void> add_modules(const Plan& plan, image::NewFiles& builder, const BuilderTree& tree,
                         std::int64_t time, const Environment& env, std::vector<std::string>& notes) {
  if (!plan.recipe.modules || !plan.modules) return {};
  CG_TRY(set, select_modules({*plan.modules, plan.recipe.modules->names}, tree, env));
  for (const auto& module : set.modules)
    CG_CHECK(put_host_file(builder, module.destination, module.source, {.mode = 0644}, time));
  for (const auto& index : set.indexes) {
    CG_TRY(text, read_file(index.source));
    CG_CHECK(put_text(builder, index.destination, std::move(text), {.mode = 0644}, time));
  }
  for (const auto& name : set.builtin)
    notes.push_back(fmt::format("module {} is built into Linux {}", name, set.version));
  return {};
}

Result<std::optional<std::string>> text_of(const RootTree& tree, const std::string& path) {
  CG_TRY(file, resolve(tree, path));
  if (!file.entry || file.entry->kind != FileKind::regular) return std::nullopt;
  CG_TRY(text, tree.read(file.path));
  return text;
}

// What a file of accounts has when the base has none.
RecipeOwner owner_of(const std::string& path, const Accounts& accounts) {
  RecipeOwner owner{.mode = 0644};
  if (!path.ends_with("shadow")) return owner;
  owner.mode = 0640;
  if (const auto* group = accounts.group.find("shadow"))
    owner.gid = static_cast<std::uint32_t>(std::stoul((*group)[2]));
  return owner;
}

Result<void> add_accounts(const Plan& plan, image::NewFiles& builder, const BuilderTree& tree,
                          std::int64_t time) {
  const Recipe& recipe = plan.recipe;
  if (recipe.groups.empty() && recipe.users.empty()) return {};
  CG_TRY(accounts, Accounts::load([&](const std::string& path) { return text_of(tree, path); }));
  // Groups first, because users name them; their members after the users.
  for (auto group : recipe.groups) {
    group.members.clear();
    CG_CHECK(accounts.apply(group));
  }
  const std::optional<std::int64_t> day = time > 0 ? std::optional(time / 86400) : std::nullopt;
  for (const auto& user : recipe.users) CG_CHECK(accounts.apply(user, day));
  for (const auto& group : recipe.groups) CG_CHECK(accounts.apply(group));
  for (const AccountFile* file : {&accounts.passwd, &accounts.group, &accounts.shadow, &accounts.gshadow}) {
    if (!file->changed()) continue;
    CG_TRY(there, resolve(tree, file->path()));
    RecipeOwner owner = owner_of(file->path(), accounts);
    if (const image::Inode* old = builder.tree().find(file->path()))
      owner = {old->meta.mode, old->meta.uid, old->meta.gid};
    CG_CHECK(put_text(builder, there.path, file->text(), owner, time));
  }
  for (const auto& user : recipe.users) {
    if (!user.make_home || builder.tree().find(*user.home)) continue;
    const auto ids = accounts.ids(user.name);
    CG_CHECK(put_directory(builder, *user.home, {0700, ids ? ids->uid : 0, ids ? ids->gid : 0}, time));
  }
  return {};
}

Result<void> add_units(const RecipeServices& services, image::NewFiles& builder, const BuilderTree& tree,
                       std::int64_t time) {
  for (const auto& [units, verb] :
       {std::pair{&services.enable, &enable_unit}, std::pair{&services.disable, &disable_unit},
        std::pair{&services.mask, &mask_unit}})
    for (const auto& unit : *units) {
      CG_TRY(changes, verb(tree, unit));
      for (const auto& change : changes) {
        if (change.target.empty())
          CG_CHECK(builder.tree().remove(change.path));
        else
          CG_CHECK(put_link(builder, change.path, change.target, time));
      }
    }
  return {};
}

}  // namespace

Result<void> add_system_settings(const Plan& plan, image::NewFiles& builder, std::int64_t time,
                                 const Environment& env, std::vector<std::string>& notes) {
  const BuilderTree tree(builder);
  CG_CHECK(add_modules(plan, builder, tree, time, env, notes));
  if (!plan.recipe.sysctl.empty())
    CG_CHECK(put_text(builder, plan.recipe.sysctl_path(), plan.recipe.sysctl_text(), {.mode = 0644}, time));
  CG_CHECK(add_accounts(plan, builder, tree, time));
  return add_units(plan.recipe.services, builder, tree, time);
}

}  // namespace cg
