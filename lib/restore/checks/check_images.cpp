// The images themselves: whole, of a version that this CRIU reads, and what they ask of the command line.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "checkpoint/describe.h"
#include "restore/checks/checks.h"

namespace cg::restore {
namespace {

using namespace checkpoint;

// A tmpfs that was dumped lies in an archive beside the images.
void check_tmpfs(const Checkpoint& images, Findings& found) {
  for (const auto& mount : images.mounts) {
    if (mount_type(mount) != "tmpfs" || mount.external || mount.root != "/") continue;
    const std::string by_device = fmt::format("tmpfs-dev-{}.tar.gz.img", mount.device);
    if (images.image_sizes.contains(by_device) ||
        images.image_sizes.contains(fmt::format("tmpfs-{}.tar.gz.img", mount.id)))
      continue;
    found.add({"image-missing"}, fmt::format("{} of the tmpfs on {}", by_device, shown(mount.mountpoint)),
              {{"file", by_device}});
  }
}

// The packet filter's rules of a network namespace, as the CRIU that dumped wrote them: by libnftables, or by
// programs that criu runs again. Without rules an image is empty: it has no head.
void check_rules(const View& view, Findings& found) {
  const auto has_rules = [&](std::string_view beginning) {
    const auto& sizes = view.checkpoint.image_sizes;
    const auto image = std::ranges::find_if(
        sizes, [&](const auto& one) { return one.first.starts_with(beginning) && one.second != 0; });
    return image == sizes.end() ? std::string() : image->first;
  };
  const Place& place = view.place;
  if (const auto image = has_rules("nftables-"); !image.empty() && !place.has_libnftables.value_or(false))
    found.add({place.has_libnftables ? "libnftables-missing" : "nftables"}, image);
  if (!place.rule_programs) return;
  for (const std::string name : {"iptables", "ip6tables"}) {
    const auto image = has_rules(name + "-");
    if (image.empty()) continue;
    const auto programs = place.rule_programs(name);
    const bool wants_legacy = place.has_libnftables.value_or(false);
    if (wants_legacy ? programs.legacy : programs.any || (!place.has_libnftables && programs.legacy))
      continue;
    found.add({"rule-program", wants_legacy ? "legacy" : ""}, image, {{"program", name}});
  }
}

}  // namespace

void check_images(const View& view, Findings& found) {
  const Checkpoint& images = view.checkpoint;
  for (const auto& problem : images.problems) {
    const bool missing = problem.kind == Problem::Kind::missing;
    found.add({missing ? "image-missing" : "image-damaged"}, shown(problem.what),
              {{"file", shown(problem.file)}});
  }
  check_tmpfs(images, found);
  check_rules(view, found);
  const Inventory& inventory = images.inventory;
  if (inventory.compression != 0 && view.criu < Version{{4, 3, 0}})
    found.add({"compressed"}, "inventory.img says so");
  // 4.3 may count further for what is packed; before it, 1 and 2 (1.1) are all there are.
  if (inventory.version == 0 || inventory.version > 3 ||
      (inventory.version == 3 && view.criu < Version{{4, 3, 0}}))
    found.add({"image-version"}, fmt::format("inventory.img is of version {}", inventory.version),
              {{"version", std::to_string(inventory.version)}});
  const auto wide = std::ranges::find_if(images.tasks, [](const Task& task) { return task.pages.wide; });
  if (wide != images.tasks.end() && view.criu < Version{{4, 2, 0}})
    found.add({"page-count"}, fmt::format("pagemap-{}.img says so", wide->pid));
  if (inventory.tcp_close && !view.options.tcp_close) found.add({"tcp-close"}, "inventory.img says so");
  if (inventory.uprobes && !view.options.uprobes && view.criu >= Version{{4, 2, 0}})
    found.add({"uprobes"}, "inventory.img says so");
  if (inventory.plugins)
    for (const auto& plugin : *inventory.plugins)
      found.add({"plugin"}, shown(plugin), {{"plugin", shown(plugin)}});
}

}  // namespace cg::restore
