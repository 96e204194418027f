#include <fmt/format.h>

#include <map>
#include <set>

#include "base/text.h"
#include "checkpoint/describe.h"
#include "images/images_command.h"

namespace cg {
namespace {

using namespace checkpoint;

// What there is, each thing by a name under which it is looked for in the other.
using Things = std::map<std::string, std::string>;

std::string described(const Task& task) {
  std::string text = shown(task.name);
  if (const auto state = state_name(task); !state.empty()) text += ", " + state;
  if (task.threads.size() > 1) text += fmt::format(", {} threads", task.threads.size());
  if (task.is_alive())
    text += fmt::format(", {} pages, {} descriptors, {} mappings", task.pages.stored + task.pages.in_parent,
                        task.descriptors.size(), task.mappings.size());
  return text;
}

std::string described(const RegularFile& file) {
  std::string text;
  if (file.size) text += fmt::format("{} bytes", *file.size);
  if (file.mode) text += fmt::format("{}mode {:o}", text.empty() ? "" : ", ", *file.mode);
  if (!file.build_id.empty()) text += ", build-id " + file.build_id;
  return text.empty() ? "there" : text;
}

Things things_of(const Checkpoint& checkpoint) {
  Things things;
  if (!checkpoint.criu.empty()) things["CRIU"] = shown(checkpoint.criu);
  if (!checkpoint.kernel.empty()) things["kernel"] = shown(checkpoint.kernel);
  things["architecture"] = checkpoint.architecture();
  things["compression"] = checkpoint.inventory.compression != 0 ? "compressed" : "none";
  for (const auto& task : checkpoint.tasks) things[fmt::format("process {}", task.pid)] = described(task);
  std::map<std::string, std::multiset<std::string>> sockets;
  for (const auto& [id, file] : checkpoint.files) {
    if (file.regular)
      things["file " + shown(file.regular->path)] = described(*file.regular);
    else if (file.internet || file.local)
      sockets["socket " + describe(checkpoint, file)].insert("there");
    else
      sockets[std::string(kind_name(file.kind))].insert("there");
  }
  for (const auto& [name, all] : sockets) things[name] = fmt::format("{} of them", all.size());
  for (const auto& mount : checkpoint.mounts)
    things[fmt::format("mount {}", shown(mount.mountpoint))] = fmt::format(
        "{} {}{}", shown(mount_type(mount)), shown(mount.root), mount.external ? ", external" : "");
  for (const auto& device : checkpoint.devices)
    things["network device " + shown(device.name)] = device_kind_name(device.kind);
  for (const auto& problem : checkpoint.problems)
    things["image " + shown(problem.file)] = problem.kind == Problem::Kind::missing ? "missing" : "damaged";
  return things;
}

}  // namespace

std::vector<ImagesDifference> compare_images(const Checkpoint& first, const Checkpoint& second) {
  std::vector<ImagesDifference> differences;
  const Things a = things_of(first);
  const Things b = things_of(second);
  for (const auto& [name, value] : a) {
    const auto other = b.find(name);
    if (other == b.end() || other->second != value)
      differences.push_back({name, value, other == b.end() ? "" : other->second});
  }
  for (const auto& [name, value] : b)
    if (!a.contains(name)) differences.push_back({name, "", value});
  return differences;
}

}  // namespace cg
