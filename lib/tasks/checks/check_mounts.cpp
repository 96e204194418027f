// CRIU's rules for mounts (collect_mnt_namespaces() of v4.2:criu/mount.c), in CRIU's order:
//   1. L is every mount of every mount namespace of the tree, without --skip-mnt paths and tracefs.
//   2. Mounts of one superblock, source and type are binds of each other.
//   3. A mount is external when --external mnt[PATH] names it (in the root task's namespace), when its device
//   is
//      named by --external dev[…], or, with mnt[], when a mount of CRIU's own namespace fits.
//   4. A slave needs its master in L, or an external bind with the same master, or the root mount with it:
//      else "unreachable sharing".
//   5. What is neither external nor a part of the root mount must be of a known type, or a bind of a mount
//   that
//      is there whole: else "unsupported" or "doesn't have a proper root mount".
// All of it only when some task has another mount namespace than CRIU; then the mounts of all of them count,
// those of the root task's too when it shares CRIU's, though none of these can be named as external by its
// path.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include "tasks/checks/checks.h"

namespace cg::tree {
namespace {

using procfs::is_path_below;
using procfs::Mount;

constexpr std::array known_types{"proc",    "sysfs",   "devtmpfs", "binfmt_misc", "tmpfs",
                                 "devpts",  "simfs",   "pstore",   "mqueue",      "securityfs",
                                 "fusectl", "debugfs", "cgroup",   "cgroup2",     "aufs",
                                 "fuse",    "overlay", "autofs",   "tracefs"};

enum class External { no, named, device, automatic };

struct View {
  const Mount* mount = nullptr;
  const View* parent = nullptr;
  bool in_root_namespace = false;
  bool is_namespace_root = false;
  External external = External::no;
  std::size_t group = 0;  // binds of each other share it
};

using Roots = std::set<std::string, std::less<>>;

// Whether `path` is one of `roots`, or below one.
bool is_below_any(std::string_view path, const Roots& roots) {
  for (; !roots.empty(); path.remove_suffix(path.size() - path.rfind('/'))) {
    if (roots.contains(path)) return true;
    if (path.size() <= 1 || path.rfind('/') == std::string_view::npos) return false;
    if (path.rfind('/') == 0) return roots.contains("/");
  }
  return false;
}

// Binds of each other: what the rules ask of the others of a group, so that nobody goes through all of them.
struct Group {
  bool has_whole = false;
  Roots root_mounts;                           // the roots of the root task's root mount
  std::map<std::string, int> namespace_roots;  // of every mount namespace, and how many have it
  Roots external;                              // of those that are external
  std::map<int, Roots> external_by_master;  // of those that can give a slave's sharing, by their own master
};

std::string base_type(const Mount& mount) {
  return mount.type.substr(0, mount.type.find('.'));
}

bool is_cgroup(const Mount& mount) {
  return mount.type == "cgroup" || mount.type == "cgroup2";
}

class MountCheck {
 public:
  MountCheck(const Question& question, Findings& found) : question_(question), found_(found) {}
  void run();

 private:
  void collect();
  bool same_superblock(const Mount& one, const Mount& other) const;
  std::string superblock_key(const Mount& mount) const;
  void collect_groups();
  void resolve_external();
  bool fits_own_mount(const View& view) const;
  std::string_view root_of(const View& view) const;
  bool can_be_named(const View& view) const {
    return view.in_root_namespace && question_.tree.has_own(Namespace::mount);
  }
  bool whole(const View& view) const { return root_of(view) == "/"; }
  bool known_type(const Mount& mount) const;
  bool is_root_bind(const View& view) const;
  bool is_external_bind(const View& view) const;
  void check_parents();
  void check_collisions();
  void check_sharing();
  void check_types();
  void check_images_place();
  void report(const View& view, RowName row, Holes holes);
  std::string source_of(const Mount& mount) const;

  const Question& question_;
  Findings& found_;
  std::vector<View> views_;
  std::vector<Group> groups_;
  std::set<int> shared_;  // peer groups of the tree
};

// Equal for mounts of one superblock.
std::string MountCheck::superblock_key(const Mount& mount) const {
  std::string key = fmt::format("{}:{}\n{}\n{}\n", mount.major, mount.minor, mount.source, base_type(mount));
  if (mount.type == "btrfs") return key;
  // CRIU keeps the root of a cgroup mount aside and compares it, see root_of().
  if (is_cgroup(mount) && question_.tree.has_own(Namespace::cgroup)) key += mount.root + "\n";
  return key + mount.super_options;
}

bool MountCheck::same_superblock(const Mount& one, const Mount& other) const {
  return one.same_device(other) && superblock_key(one) == superblock_key(other);
}

void MountCheck::collect() {
  const auto& namespaces = question_.tree.mounts;
  std::size_t count = 0;
  for (const auto& [inode, list] : namespaces) count += list.size();
  views_.reserve(count);
  std::unordered_map<std::string, std::size_t> groups;
  for (std::size_t number = 0; number < namespaces.size(); ++number) {
    const std::size_t first = views_.size();
    std::unordered_map<int, const View*> by_id;
    for (const auto& mount : namespaces[number].second) {
      if (mount.type == "tracefs" || question_.options.skipped_mounts.contains(mount.mountpoint)) continue;
      const auto group = groups.try_emplace(superblock_key(mount), groups.size()).first->second;
      views_.push_back({&mount, nullptr, number == 0, false, External::no, group});
      by_id[mount.id] = &views_.back();
      if (mount.shared != 0) shared_.insert(mount.shared);
    }
    for (std::size_t at = first; at < views_.size(); ++at) {
      View& view = views_[at];
      const auto parent = by_id.find(view.mount->parent);
      if (parent != by_id.end() && parent->second != &view) view.parent = parent->second;
      view.is_namespace_root = view.mount->mountpoint == "/" && !view.parent;
    }
  }
  groups_.resize(groups.size());
}

// After what is external is known.
void MountCheck::collect_groups() {
  for (const auto& view : views_) {
    Group& group = groups_[view.group];
    const std::string root(root_of(view));
    group.has_whole |= whole(view);
    if (view.is_namespace_root) ++group.namespace_roots[root];
    const bool root_mount = view.is_namespace_root && view.in_root_namespace;
    if (root_mount) group.root_mounts.insert(root);
    if (view.external != External::no) group.external.insert(root);
    if (view.external == External::named || view.external == External::automatic || root_mount)
      group.external_by_master[view.mount->master].insert(root);
  }
}

// In a cgroup namespace of its own, CRIU takes the root of a cgroup mount for "/".
std::string_view MountCheck::root_of(const View& view) const {
  if (is_cgroup(*view.mount) && question_.tree.has_own(Namespace::cgroup)) return "/";
  return view.mount->root;
}

bool MountCheck::known_type(const Mount& mount) const {
  const auto& options = question_.options;
  return options.all_file_systems || options.file_systems.contains(mount.type) ||
         std::ranges::find(known_types, base_type(mount)) != known_types.end();
}

bool MountCheck::fits_own_mount(const View& view) const {
  const Mount& mount = *view.mount;
  const Mount* match = nullptr;
  for (const auto& own : question_.tree.own_mounts) {
    if (!same_superblock(mount, own) || !is_path_below(mount.root, own.root)) continue;
    match = &own;
    if ((mount.shared != 0 && mount.shared == own.shared) ||
        (mount.master != 0 && mount.master == own.shared))
      break;
  }
  if (!match) return false;
  if (mount.shared != 0 && !question_.options.external_sharing) return false;
  if (mount.master != 0)
    return question_.options.external_masters &&
           (mount.master == match->shared || mount.master == match->master);
  return true;
}

void MountCheck::resolve_external() {
  for (auto& view : views_) {
    if (!view.parent || view.is_namespace_root) continue;
    const Mount& mount = *view.mount;
    if (can_be_named(view) && question_.options.external_mounts.contains(mount.mountpoint))
      view.external = External::named;
    else if (!known_type(mount) && whole(view) &&
             question_.options.external_keys.contains(fmt::format("dev[{}/{}]", mount.major, mount.minor)))
      view.external = External::device;
    else if (question_.options.automatic_mounts && fits_own_mount(view))
      view.external = External::automatic;
  }
}

bool MountCheck::is_root_bind(const View& view) const {
  return is_below_any(root_of(view), groups_[view.group].root_mounts);
}

bool MountCheck::is_external_bind(const View& view) const {
  return is_below_any(root_of(view), groups_[view.group].external);
}

// Where the mount comes from, in the place CRIU runs in.
std::string MountCheck::source_of(const Mount& mount) const {
  const Mount* match = nullptr;
  for (const auto& own : question_.tree.own_mounts) {
    if (!mount.same_device(own) || !is_path_below(mount.root, own.root)) continue;
    if (!match || (mount.master != 0 && own.shared == mount.master)) match = &own;
  }
  if (!match) return "";
  const std::string_view below =
      std::string_view(mount.root).substr(match->root == "/" ? 0 : match->root.size());
  std::string path = match->mountpoint == "/" ? "" : match->mountpoint;
  if (below != "/") path += below;
  return path.empty() ? "/" : path;
}

void MountCheck::report(const View& view, RowName row, Holes holes) {
  const Mount& mount = *view.mount;
  TreeFinding& finding =
      found_.add(row,
                 fmt::format("mount {} at {} ({}{})", mount.id, mount.mountpoint, mount.type,
                             view.in_root_namespace ? "" : ", in a nested mount namespace"),
                 holes);
  if (can_be_named(view) && !view.is_namespace_root) {
    const std::string source = source_of(mount);
    finding.dump_options = {"--external", fmt::format("mnt[{0}]:{0}", mount.mountpoint)};
    finding.restore_options = {
        "--external", fmt::format("mnt[{}]:{}", mount.mountpoint, source.empty() ? "SOURCE" : source)};
    finding.fix += fmt::format("{}--external mnt[{}]:{}", finding.fix.empty() ? "" : "; ", mount.mountpoint,
                               mount.mountpoint);
    if (source.empty())
      finding.fix += "; where it comes from cannot be seen from here: SOURCE is the path to bind on restore";
  } else if (finding.fix.empty()) {
    finding.fix = "no option names a mount of a nested namespace: unmount it there";
  }
}

// A mount whose parent --skip-mnt took away.
void MountCheck::check_parents() {
  for (const auto& view : views_)
    if (!view.parent && !view.is_namespace_root)
      found_.add({"mount-parent-skipped"},
                 fmt::format("mount {} at {}", view.mount->id, view.mount->mountpoint),
                 {{"mount", std::to_string(view.mount->id)}, {"place", view.mount->mountpoint}});
}

void MountCheck::check_collisions() {
  std::map<std::pair<const View*, std::string_view>, const View*> children;
  for (const auto& view : views_) {
    if (!view.parent) continue;
    const auto [place, fresh] = children.try_emplace({view.parent, view.mount->mountpoint}, &view);
    if (fresh) continue;
    found_.add({"mount-collision"},
               fmt::format("mounts {} and {} at {}", place->second->mount->id, view.mount->id,
                           view.mount->mountpoint),
               {{"parent", std::to_string(view.parent->mount->id)},
                {"mount", std::to_string(view.mount->id)},
                {"other", std::to_string(place->second->mount->id)}});
  }
}

void MountCheck::check_sharing() {
  for (const auto& view : views_) {
    const Mount& mount = *view.mount;
    if (mount.master == 0) continue;
    if (shared_.contains(mount.master)) continue;
    const auto& givers = groups_[view.group].external_by_master;
    if (const auto same = givers.find(mount.master);
        same != givers.end() && is_below_any(root_of(view), same->second))
      continue;
    report(view, {"mount-sharing"},
           {{"mount", std::to_string(mount.id)},
            {"place", mount.mountpoint},
            {"master", std::to_string(mount.master)},
            {"shared", std::to_string(mount.shared)}});
  }
}

void MountCheck::check_types() {
  for (const auto& view : views_) {
    const Mount& mount = *view.mount;
    if (const auto entries = question_.tree.directory_entries.find(mount.mountpoint);
        entries != question_.tree.directory_entries.end() && view.in_root_namespace &&
        (mount.type == "mqueue" || mount.type == "pstore") && !is_external_bind(view))
      found_.add({"mount-not-empty"},
                 fmt::format("{} in mount {} at {}", entries->second.front(), mount.id, mount.mountpoint),
                 {{"type", mount.type}});
    if (is_external_bind(view) || is_root_bind(view)) continue;
    if (whole(view)) {
      if (base_type(mount) == "fuse" && !question_.options.all_file_systems)
        report(view, {"mount-fuse"}, {{"place", mount.mountpoint}});
      else if (!known_type(mount))
        report(view, {"mount-unsupported"},
               {{"type", mount.type},
                {"place", mount.mountpoint},
                {"device", fmt::format("{:#x}", mount.major << 20 | mount.minor)},
                {"root", mount.root},
                {"mount", std::to_string(mount.id)}});
      continue;
    }
    // A bind of a part: some mount must show the whole, or be the root above it.
    const Group& group = groups_[view.group];
    const bool has_whole =
        group.has_whole || std::ranges::any_of(group.namespace_roots, [&](const auto& entry) {
          const bool only_itself =
              view.is_namespace_root && entry.first == root_of(view) && entry.second == 1;
          return !only_itself && root_of(view).starts_with(entry.first);
        });
    if (!has_whole)
      report(view, {"mount-bind"}, {{"mount", std::to_string(mount.id)}, {"place", mount.mountpoint}});
  }
}

// CRIU writes a tmpfs into the images as an archive. When the images lie on that tmpfs, the archive holds
// itself.
void MountCheck::check_images_place() {
  const std::string& directory = question_.options.images_directory;
  if (!directory.starts_with('/')) return;
  const Mount* place = nullptr;
  for (const auto& own : question_.tree.own_mounts)
    if (is_path_below(directory, own.mountpoint) &&
        (!place || own.mountpoint.size() >= place->mountpoint.size()))
      place = &own;
  if (!place || place->type != "tmpfs") return;
  for (const auto& view : views_)
    if (view.mount->same_device(*place) && !is_external_bind(view) && !is_root_bind(view)) {
      found_.add({"images-inside"}, fmt::format("{}, on the tmpfs of mount {} at {}", directory,
                                                view.mount->id, view.mount->mountpoint));
      return;
    }
}

void MountCheck::run() {
  const std::uint64_t own = question_.tree.own_namespaces[Namespace::mount];
  if (std::ranges::all_of(question_.tree.mounts, [&](const auto& entry) { return entry.first == own; }))
    return;
  collect();
  resolve_external();
  collect_groups();
  check_parents();
  check_collisions();
  check_sharing();
  check_types();
  check_images_place();
}

}  // namespace

void check_mounts(const Question& question, Findings& found) {
  MountCheck(question, found).run();
}

}  // namespace cg::tree
