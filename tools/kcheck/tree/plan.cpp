#include "tree/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "procfs/mountinfo.h"

namespace cg::tree {
namespace {

bool is_single(const std::string& name) {
  return name == "--ghost-limit" || name == "--freeze-cgroup";
}

std::size_t megabytes(const std::string& limit) {
  return std::stoul("0" + limit);
}

// Adds one option with its value, if it is not there. Returns whether anything changed.
bool add_option(std::vector<std::string>& options, const std::vector<std::string>& addition) {
  if (addition.empty()) return false;
  const auto at = std::ranges::search(options, addition);
  if (!at.empty()) return false;
  if (const auto same = std::ranges::find(options, addition.front());
      is_single(addition.front()) && same != options.end()) {
    auto& value = *(same + 1);
    if (addition.front() != "--ghost-limit" || megabytes(value) >= megabytes(addition.back())) return false;
    value = addition.back();
    return true;
  }
  options.insert(options.end(), addition.begin(), addition.end());
  return true;
}

bool same_thing(const Hindrance& one, const Hindrance& other) {
  return one.id == other.id && one.object == other.object;
}

}  // namespace

Plan make_plan(const Snapshot& tree, const Version& criu, const OptionTable& table,
               const std::vector<std::string>& given_dump, const std::vector<std::string>& given_restore) {
  Plan plan{given_dump, given_restore, {}, {}};
  Hindrances seen;
  // Each round clears something, and one option can only bring the next to light; more rounds than kinds of
  // hindrances are not needed.
  for (int round = 0; round < 16; ++round) {
    plan.remaining = check_all({tree, criu, DumpOptions(parse_criu_command(table, criu, plan.dump_options))});
    bool changed = false;
    for (const auto& hindrance : plan.remaining) {
      if (std::ranges::none_of(seen, [&](const Hindrance& one) { return same_thing(one, hindrance); }))
        seen.push_back(hindrance);
      changed |= add_option(plan.dump_options, hindrance.dump_options);
      add_option(plan.restore_options, hindrance.restore_options);
    }
    if (!changed) break;
  }
  for (auto& hindrance : seen)
    if (std::ranges::none_of(plan.remaining,
                             [&](const Hindrance& one) { return same_thing(one, hindrance); }))
      plan.cleared.push_back(std::move(hindrance));
  return plan;
}

std::string restore_root(const Snapshot& tree) {
  if (tree.mounts.empty()) return "";
  const auto root = std::ranges::find_if(tree.mounts.front().second,
                                         [](const procfs::Mount& mount) { return mount.mountpoint == "/"; });
  if (root == tree.mounts.front().second.end()) return "";
  std::string best;
  for (const auto& own : tree.own_mounts) {
    if (!own.same_device(*root) || !procfs::is_path_below(root->root, own.root)) continue;
    const std::string_view below = std::string_view(root->root).substr(own.root == "/" ? 0 : own.root.size());
    std::string path = own.mountpoint == "/" ? "" : own.mountpoint;
    if (below != "/") path += below;
    if (path.empty()) path = "/";
    // The mount that is just the root beats one that leads to it.
    if (best.empty() || own.root == root->root) best = std::move(path);
  }
  return best;
}

bool is_mountpoint(const Snapshot& tree, const std::string& path) {
  return std::ranges::any_of(tree.own_mounts,
                             [&](const procfs::Mount& mount) { return mount.mountpoint == path; });
}

Result<SpecOptions> spec_options(const std::string& text, const std::string& name, const Snapshot& tree) {
  using Json = nlohmann::json;
  const Json spec = Json::parse(text, nullptr, false);
  if (spec.is_discarded() || !spec.is_object())
    return refused(name + ": not JSON; give the config.json of an OCI bundle");
  SpecOptions options;
  const auto mounts = spec.find("mounts");
  if (mounts == spec.end()) return options;
  if (!mounts->is_array()) return refused(name + ": \"mounts\" is not a list");
  for (const Json& mount : *mounts) {
    const auto text_of = [&](const char* key) {
      const auto value = mount.is_object() ? mount.find(key) : mount.end();
      return mount.is_object() && value != mount.end() && value->is_string() ? value->get<std::string>()
                                                                             : std::string();
    };
    const std::string destination = text_of("destination");
    const std::string source = text_of("source");
    if (destination.empty()) return refused(name + ": a mount without \"destination\"");
    bool bind = text_of("type") == "bind";
    if (mount.contains("options") && mount["options"].is_array())
      for (const Json& option : mount["options"]) bind |= option == "bind" || option == "rbind";
    const bool there = !tree.mounts.empty() &&
                       std::ranges::any_of(tree.mounts.front().second,
                                           [&](const auto& one) { return one.mountpoint == destination; });
    if (!bind || !there || !tree.has_own(Namespace::mount)) continue;
    add_option(options.dump, {"--external", fmt::format("mnt[{0}]:{0}", destination)});
    add_option(options.restore, {"--external", fmt::format("mnt[{}]:{}", destination, source)});
  }
  return options;
}

}  // namespace cg::tree
