#include "recipe/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/data.h"
#include "base/text.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

constexpr const char* modules_name = "modules";

Result<void> take_input(Plan& plan, const std::string& item) {
  std::vector<std::string> names;
  for (const auto& input : plan.recipe.inputs) names.push_back(input.name);
  if (plan.recipe.modules) names.emplace_back(modules_name);
  const auto equals = item.find('=');
  if (equals == std::string::npos) return usage_error(fmt::format("--set '{}': write NAME=PATH", item));
  const std::string name = item.substr(0, equals);
  if (std::ranges::find(names, name) == names.end())
    return usage_error(
        fmt::format("--set {}: recipe {} has no such input{}", item, plan.recipe.name,
                    names.empty() ? "" : did_you_mean(name, names) + " (it has " + join(names, ", ") + ")"));
  const fs::path file = item.substr(equals + 1);
  std::error_code error;
  const bool is_modules = plan.recipe.modules && name == modules_name;
  if (!(is_modules ? fs::is_directory(file, error) : fs::is_regular_file(file, error)))
    return cannot(fmt::format("--set {}: {}", item,
                              error        ? error.message()
                              : is_modules ? "not a directory"
                                           : "not a regular file"));
  if (is_modules)
    plan.modules = file;
  else
    plan.inputs[name] = file;
  return {};
}

class Steps {
 public:
  explicit Steps(const Plan& plan) : plan_(plan), recipe_(plan.recipe) {}

  std::vector<PlanStep> take() {
    add_layers();
    add_entries();
    add_system();
    add(fmt::format("{}{}, size {}, journal {}", recipe_.form, recipe_.verity ? " with dm-verity" : "",
                    recipe_.size, recipe_.journal),
        {{"do", "image"},
         {"form", recipe_.form},
         {"verity", recipe_.verity},
         {"size", recipe_.size},
         {"journal", recipe_.journal},
         {"label", recipe_.label}});
    return std::move(steps_);
  }

 private:
  void add(std::string text, nlohmann::ordered_json facts) {
    steps_.push_back({std::move(text), std::move(facts)});
  }
  static nlohmann::ordered_json placed(const char* what, const std::string& path, const RecipeOwner& owner) {
    return {{"do", what},
            {"path", path},
            {"mode", fmt::format("{:04o}", owner.mode)},
            {"uid", owner.uid},
            {"gid", owner.gid}};
  }
  void add_file(const std::string& path, const RecipeOwner& owner, const std::string& source) {
    auto facts = placed("file", path, owner);
    if (!source.empty()) facts["source"] = source;
    add(fmt::format("file {} {:04o} from {}", path, owner.mode, source.empty() ? "the recipe" : source),
        std::move(facts));
  }

  void add_layers() {
    if (recipe_.merged_usr) add("links /bin, /sbin, /lib and /lib64 into /usr", {{"do", "merged_usr"}});
    if (recipe_.debs)
      add(fmt::format("files {} of the packages {}", join(recipe_.debs->include, " "),
                      join(recipe_.debs->packages, " ")),
          {{"do", "debs"}, {"packages", recipe_.debs->packages}, {"include", recipe_.debs->include}});
    if (recipe_.debian)
      add(fmt::format("mmdebstrap {} with {}", recipe_.debian->variant, join(recipe_.debian->packages, " ")),
          {{"do", "debian"},
           {"variant", recipe_.debian->variant},
           {"packages", recipe_.debian->packages},
           {"exclude", recipe_.debian->exclude}});
    for (const auto& layer : recipe_.layers)
      add(fmt::format("layer {}", layer.string()), {{"do", "layer"}, {"source", layer.string()}});
  }

  void add_entries() {
    for (const auto& path : recipe_.remove)
      add(fmt::format("remove {}", path), {{"do", "remove"}, {"path", path}});
    for (const auto& item : recipe_.directories)
      if (plan_.wanted(item.needs))
        add(fmt::format("directory {} {:04o}", item.path, item.owner.mode),
            placed("directory", item.path, item.owner));
    for (const auto& file : recipe_.files)
      if (plan_.wanted(file.needs)) add_file(file.dest, file.owner, file.source.string());
    for (const auto& input : recipe_.inputs) {
      const auto given = plan_.inputs.find(input.name);
      if (given != plan_.inputs.end())
        add_file(input.dest, input.owner, given->second.string());
      else
        add(fmt::format("without {} ({} is not given)", input.what, input.name),
            {{"do", "without"}, {"input", input.name}, {"path", input.dest}});
    }
    for (const auto& link : recipe_.links)
      if (plan_.wanted(link.needs))
        add(fmt::format("link {} -> {}{}", link.path, link.target,
                        link.unless_present ? " unless present" : ""),
            {{"do", "symlink"},
             {"path", link.path},
             {"target", link.target},
             {"unless_present", link.unless_present}});
  }

  void add_system() {
    if (recipe_.modules) {
      const std::string names = join(recipe_.modules->names, " ");
      if (plan_.modules)
        add(fmt::format("modules {} from {}, with what they depend on", names, plan_.modules->string()),
            {{"do", "modules"}, {"names", recipe_.modules->names}, {"source", plan_.modules->string()}});
      else
        add(fmt::format("without modules {} (modules is not given)", names),
            {{"do", "without"}, {"input", modules_name}});
    }
    if (!recipe_.sysctl.empty()) add_file(recipe_.sysctl_path(), {.mode = 0644}, "");
    for (const auto& setting : recipe_.sysctl)
      add(fmt::format("sysctl {} = {}", setting.key, setting.value),
          {{"do", "sysctl"}, {"key", setting.key}, {"value", setting.value}});
    for (const auto& group : recipe_.groups) {
      nlohmann::ordered_json facts = {{"do", "group"}, {"name", group.name}};
      if (group.gid) facts["gid"] = *group.gid;
      add(fmt::format("group {}{}", group.name, group.gid ? fmt::format(" {}", *group.gid) : ""), facts);
    }
    for (const auto& user : recipe_.users) {
      nlohmann::ordered_json facts = {{"do", "user"}, {"name", user.name}};
      if (user.uid) facts["uid"] = *user.uid;
      if (user.home) facts["home"] = *user.home;
      if (user.shell) facts["shell"] = *user.shell;
      facts["locked"] = user.locked;
      add(fmt::format("user {}{}{}", user.name, user.uid ? fmt::format(" {}", *user.uid) : "",
                      user.locked ? " locked" : ""),
          facts);
    }
    for (const auto& [verb, units] :
         {std::pair{"enable", &recipe_.services.enable}, std::pair{"disable", &recipe_.services.disable},
          std::pair{"mask", &recipe_.services.mask}})
      for (const auto& unit : *units) add(fmt::format("{} {}", verb, unit), {{"do", verb}, {"unit", unit}});
  }

  const Plan& plan_;
  const Recipe& recipe_;
  std::vector<PlanStep> steps_;
};

}  // namespace

Result<Plan> make_plan(const PlanArguments& arguments, const Environment& env) {
  CG_TRY(path, find_recipe(env, "rootfs", arguments.recipe, arguments.recipes));
  CG_TRY(recipe, load_recipe(path));
  Plan plan{.recipe = std::move(recipe), .inputs = {}, .modules = {}};
  if (!arguments.size.empty()) plan.recipe.size = arguments.size;
  for (const auto& item : arguments.set) CG_CHECK(take_input(plan, item));
  if (arguments.inputs == PlanArguments::Inputs::as_found) return plan;
  for (const auto& input : plan.recipe.inputs)
    if (!plan.inputs.contains(input.name) && !input.optional)
      return usage_error(
          fmt::format("recipe {} needs {}: give --set {}=PATH", plan.recipe.name, input.what, input.name));
  if (const auto& modules = plan.recipe.modules; modules && !plan.modules) {
    if (!modules->source.empty())
      plan.modules = modules->source;
    else if (!modules->optional)
      return usage_error(
          fmt::format("recipe {} needs kernel modules: give --set modules=DIR, such as "
                      "/lib/modules/VERSION",
                      plan.recipe.name));
  }
  return plan;
}

std::vector<PlanStep> steps(const Plan& plan) {
  return Steps(plan).take();
}

}  // namespace cg
