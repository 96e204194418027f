#include "tasks/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

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

// A list of options in which each stands once.
class OptionList {
 public:
  explicit OptionList(std::vector<std::string>& words) : words_(words) {
    for (std::size_t at = 0; at < words.size(); ++at) {
      known_.insert({words[at]});
      if (at + 1 < words.size()) known_.insert({words[at], words[at + 1]});
    }
  }
  // Adds one option with its value. Returns whether anything changed.
  bool add(const std::vector<std::string>& addition) {
    if (addition.empty() || !known_.insert(addition).second) return false;
    if (const auto same = std::ranges::find(words_, addition.front());
        is_single(addition.front()) && same != words_.end()) {
      auto& value = *(same + 1);
      if (addition.front() != "--ghost-limit" || megabytes(value) >= megabytes(addition.back())) return false;
      value = addition.back();
      return true;
    }
    words_.insert(words_.end(), addition.begin(), addition.end());
    return true;
  }

 private:
  std::vector<std::string>& words_;
  std::set<std::vector<std::string>> known_;
};

using Thing = std::pair<std::string, std::string>;
Thing thing_of(const TreeFinding& finding) {
  return {finding.id, finding.seen};
}

}  // namespace

Plan make_plan(const Snapshot& tree, const Version& criu, const OptionTable& table,
               const std::vector<std::string>& given_dump, const std::vector<std::string>& given_restore) {
  Plan plan{given_dump, given_restore, {}, {}};
  OptionList dump(plan.dump_options);
  OptionList restore(plan.restore_options);
  Findings seen;
  std::set<Thing> known;
  // Each round clears something, and one option can only bring the next to light; more rounds than kinds of
  // findings are not needed.
  for (int round = 0; round < 16; ++round) {
    plan.remaining = check_all({tree, criu, DumpOptions(parse_criu_command(table, criu, plan.dump_options))});
    bool changed = false;
    for (const auto& finding : plan.remaining) {
      if (known.insert(thing_of(finding)).second) seen.push_back(finding);
      changed |= dump.add(finding.dump_options);
      restore.add(finding.restore_options);
    }
    if (!changed) break;
  }
  std::set<Thing> remaining;
  for (const auto& finding : plan.remaining) remaining.insert(thing_of(finding));
  for (auto& finding : seen)
    if (!remaining.contains(thing_of(finding))) plan.cleared.push_back(std::move(finding));
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
    if (path.empty()) path.push_back('/');
    // The mount that is just the root beats one that leads to it.
    if (best.empty() || own.root == root->root) best = std::move(path);
  }
  return best;
}

// From 10 on: what a shell leaves to its user, and a script has not opened already.
std::string inherited_note(const std::vector<std::string>& words) {
  constexpr std::string_view question = "fd[N]:";
  std::vector<std::string> each;
  int number = 10;
  for (const auto& word : words) {
    if (!word.starts_with(question)) continue;
    each.push_back(fmt::format("{0} for {1}, with {0}<>FILE at the end of the command", number++,
                               word.substr(question.size())));
  }
  if (each.empty()) return "";
  return fmt::format(
      "N is the number of a descriptor that criu inherits, of a file, pipe or socket to take that one's "
      "place: {}",
      join(each, "; "));
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
    std::string source = text_of("source");
    if (destination.empty()) return refused(name + ": a mount without \"destination\"");
    bool bind = text_of("type") == "bind";
    if (mount.contains("options") && mount["options"].is_array())
      for (const Json& option : mount["options"]) bind |= option == "bind" || option == "rbind";
    const bool there = !tree.mounts.empty() &&
                       std::ranges::any_of(tree.mounts.front().second,
                                           [&](const auto& one) { return one.mountpoint == destination; });
    if (!bind || !there || !tree.has_own(Namespace::mount)) continue;
    if (source.empty())
      return refused(fmt::format("{}: the bind mount of {} has no \"source\"", name, destination));
    // The specification takes another path from the bundle, which is where the file lies.
    if (!source.starts_with('/')) source = (std::filesystem::absolute(name).parent_path() / source).string();
    OptionList(options.dump).add({"--external", fmt::format("mnt[{0}]:{0}", destination)});
    OptionList(options.restore).add({"--external", fmt::format("mnt[{}]:{}", destination, source)});
  }
  return options;
}

}  // namespace cg::tree
